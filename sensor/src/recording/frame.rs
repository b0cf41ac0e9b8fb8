//! Frames as bytes.

use std::io;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Frame, PAYLOAD_BYTES_MAX, fact::FactForm, process::ProcessForm, totals::TotalsForm};
use crate::{
    clock::{BootTime, WallOffset},
    event::{CgroupId, state::Started},
    process::cgroups::Found,
};

/// The type and the length.
pub(super) const PREFIX_BYTES: usize = 5;

/// The checksum.
pub(super) const CHECKSUM_BYTES: usize = 4;

/// The types, by their numbers in the file.
mod number {
    pub(super) const HOST: u8 = 1;
    pub(super) const STARTED: u8 = 2;
    pub(super) const PROCESS: u8 = 3;
    pub(super) const PREMISES: u8 = 4;
    pub(super) const WALL_OFFSET: u8 = 5;
    pub(super) const RECORD: u8 = 6;
    pub(super) const COMPLETE_UNTIL: u8 = 7;
    pub(super) const COUNTED: u8 = 8;
    pub(super) const END: u8 = 9;
    pub(super) const CGROUP: u8 = 10;
    pub(super) const FACT: u8 = 11;
}

#[derive(Serialize)]
struct StartedForm<'a> {
    time: u64,
    started: &'a Started,
}

#[derive(Deserialize)]
struct StartedOwned {
    time: u64,
    started: Box<Started>,
}

#[derive(Serialize, Deserialize)]
struct Counts {
    time: u64,
    totals: TotalsForm,
}

#[derive(Serialize, Deserialize)]
struct CgroupForm {
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    path: Option<String>,
}

impl From<&Found> for CgroupForm {
    fn from(found: &Found) -> Self {
        Self {
            id: found.id.0,
            path: found.path.clone(),
        }
    }
}

impl From<CgroupForm> for Found {
    fn from(form: CgroupForm) -> Self {
        Self {
            id: CgroupId(form.id),
            path: form.path,
        }
    }
}

/// Appends a frame.
///
/// # Errors
///
/// If it is longer than a frame may be.
pub(super) fn encode(frame: &Frame, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    out.extend([0; PREFIX_BYTES]);
    let number = payload(frame, out)?;
    let payload_start = start + PREFIX_BYTES;
    let length = out.len() - payload_start;
    if length > PAYLOAD_BYTES_MAX {
        out.truncate(start);
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a frame of {length} bytes is longer than the format allows"),
        ));
    }
    if let Some([first, lengths @ ..]) = out.get_mut(start..payload_start) {
        *first = number;
        // It is not larger than the limit.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        lengths.copy_from_slice(&length.to_le_bytes());
    }
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend(checksum.to_le_bytes());
    Ok(())
}

/// Appends a frame's payload, and gives its type.
fn payload(frame: &Frame, out: &mut Vec<u8>) -> io::Result<u8> {
    Ok(match frame {
        Frame::Host(host) => {
            serde_json::to_writer(out, host)?;
            number::HOST
        }
        Frame::Started { started, time } => {
            let form = StartedForm {
                time: time.0,
                started,
            };
            serde_json::to_writer(out, &form)?;
            number::STARTED
        }
        Frame::Process(process) => {
            serde_json::to_writer(out, &ProcessForm::from(process.as_ref()))?;
            number::PROCESS
        }
        Frame::Cgroup(found) => {
            serde_json::to_writer(out, &CgroupForm::from(found))?;
            number::CGROUP
        }
        Frame::Fact(fact) => {
            serde_json::to_writer(out, &FactForm::from(&**fact))?;
            number::FACT
        }
        Frame::Premises(premises) => {
            serde_json::to_writer(out, premises)?;
            number::PREMISES
        }
        Frame::WallOffset(offset) => {
            out.extend(offset.0.to_le_bytes());
            number::WALL_OFFSET
        }
        Frame::Record(record) => {
            out.extend_from_slice(record);
            number::RECORD
        }
        Frame::CompleteUntil(moment) => {
            out.extend(moment.0.to_le_bytes());
            number::COMPLETE_UNTIL
        }
        Frame::Counted { totals, time } => {
            serde_json::to_writer(out, &Counts::new(totals.into(), *time))?;
            number::COUNTED
        }
        Frame::End { totals, time } => {
            serde_json::to_writer(out, &Counts::new(totals.into(), *time))?;
            number::END
        }
    })
}

/// The frame of a type with this payload.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn decode(number: u8, payload: Bytes) -> Result<Frame, String> {
    Ok(match number {
        number::HOST => Frame::Host(json(&payload)?),
        number::STARTED => {
            let form: StartedOwned = json(&payload)?;
            Frame::Started {
                started: form.started,
                time: BootTime(form.time),
            }
        }
        number::PROCESS => {
            let form: ProcessForm = json(&payload)?;
            Frame::Process(Box::new(form.into()))
        }
        number::CGROUP => Frame::Cgroup(json::<CgroupForm>(&payload)?.into()),
        number::FACT => Frame::Fact(Box::new(json::<FactForm>(&payload)?.into())),
        number::PREMISES => Frame::Premises(json(&payload)?),
        number::WALL_OFFSET => Frame::WallOffset(WallOffset(i64::from_le_bytes(fixed(&payload)?))),
        number::RECORD => Frame::Record(payload),
        number::COMPLETE_UNTIL => {
            Frame::CompleteUntil(BootTime(u64::from_le_bytes(fixed(&payload)?)))
        }
        number::COUNTED => {
            let counts: Counts = json(&payload)?;
            Frame::Counted {
                totals: counts.totals.totals()?,
                time: BootTime(counts.time),
            }
        }
        number::END => {
            let counts: Counts = json(&payload)?;
            Frame::End {
                totals: counts.totals.totals()?,
                time: BootTime(counts.time),
            }
        }
        other => return Err(format!("there is no frame of type {other}")),
    })
}

impl Counts {
    const fn new(totals: TotalsForm, time: BootTime) -> Self {
        Self {
            time: time.0,
            totals,
        }
    }
}

fn json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload)
        .map_err(|error| format!("the frame cannot be understood: {error}"))
}

fn fixed<const N: usize>(payload: &[u8]) -> Result<[u8; N], String> {
    payload
        .try_into()
        .map_err(|_| format!("the frame has {} bytes instead of {N}", payload.len()))
}
