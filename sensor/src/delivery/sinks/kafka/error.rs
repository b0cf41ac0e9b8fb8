//! What the numbers mean by which brokers refuse.

use std::{fmt, io};

/// A broker's number for what is wrong; 0 if nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub i16);

/// What a refusal of a batch means to the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The partition has it.
    Stored,
    /// Fewer or smaller records may be taken.
    TooLarge,
    /// A record in it will never be taken.
    Malformed,
    /// Its numbers mean nothing to the broker: a new producer is needed.
    UnknownProducer,
    /// The partition is led by somebody else.
    MovedLeader,
    /// It was not stored; try later.
    NotStored,
    /// It may be stored or not; try later with the same numbers.
    InDoubt,
}

impl Code {
    /// Nothing is wrong.
    pub const NONE: Self = Self(0);
    /// There is no such topic or partition, or we may not know of it.
    pub const UNKNOWN_TOPIC: Self = Self(3);
    /// A topic is being made.
    pub const LEADER_NOT_AVAILABLE: Self = Self(5);
    /// A mechanism that the broker does not take.
    pub const UNSUPPORTED_MECHANISM: Self = Self(33);

    /// What it means in the answer to a batch.
    #[must_use]
    pub const fn meaning(self) -> Meaning {
        match self.0 {
            // 46: so long ago that the broker does not know where.
            0 | 46 => Meaning::Stored,
            10 | 18 => Meaning::TooLarge,
            32 | 43 | 87 => Meaning::Malformed,
            45 | 47 | 49 | 59 | 90 => Meaning::UnknownProducer,
            3 | 5 | 6 | 9 | 74 | 75 => Meaning::MovedLeader,
            17 | 19 | 29 | 31 | 35 | 76 | 89 => Meaning::NotStored,
            _ => Meaning::InDoubt,
        }
    }

    /// What to do about it, to be appended to what is said.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self.0 {
            3 => "\n  create the topic, or permit the sensor's user to describe it",
            17 => "\n  correct the name of the topic",
            19 | 20 => "\n  bring brokers back, or lower the topic's `min.insync.replicas`",
            29 => "\n  permit the sensor's user to write to the topic",
            31 => "\n  permit the sensor's user to write idempotently to the cluster",
            58 => "\n  check the user and its password",
            _ => "",
        }
    }

    /// # Errors
    ///
    /// If something is wrong; says with what.
    pub fn check(self, what: &str) -> io::Result<()> {
        if self == Self::NONE {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "the broker refused {what}: {self}{}",
            self.advice()
        )))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            2 => "CORRUPT_MESSAGE",
            3 => "UNKNOWN_TOPIC_OR_PARTITION",
            5 => "LEADER_NOT_AVAILABLE",
            6 => "NOT_LEADER_OR_FOLLOWER",
            7 => "REQUEST_TIMED_OUT",
            9 => "REPLICA_NOT_AVAILABLE",
            10 => "MESSAGE_TOO_LARGE",
            15 => "COORDINATOR_NOT_AVAILABLE",
            17 => "INVALID_TOPIC_EXCEPTION",
            18 => "RECORD_LIST_TOO_LARGE",
            19 => "NOT_ENOUGH_REPLICAS",
            20 => "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
            29 => "TOPIC_AUTHORIZATION_FAILED",
            31 => "CLUSTER_AUTHORIZATION_FAILED",
            32 => "INVALID_TIMESTAMP",
            33 => "UNSUPPORTED_SASL_MECHANISM",
            34 => "ILLEGAL_SASL_STATE",
            35 => "UNSUPPORTED_VERSION",
            43 => "UNSUPPORTED_FOR_MESSAGE_FORMAT",
            44 => "POLICY_VIOLATION",
            45 => "OUT_OF_ORDER_SEQUENCE_NUMBER",
            46 => "DUPLICATE_SEQUENCE_NUMBER",
            47 => "INVALID_PRODUCER_EPOCH",
            49 => "INVALID_PRODUCER_ID_MAPPING",
            56 => "KAFKA_STORAGE_ERROR",
            58 => "SASL_AUTHENTICATION_FAILED",
            59 => "UNKNOWN_PRODUCER_ID",
            74 => "FENCED_LEADER_EPOCH",
            75 => "UNKNOWN_LEADER_EPOCH",
            76 => "UNSUPPORTED_COMPRESSION_TYPE",
            87 => "INVALID_RECORD",
            89 => "THROTTLING_QUOTA_EXCEEDED",
            90 => "PRODUCER_FENCED",
            _ => "error",
        };
        write!(formatter, "{name} ({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::error::ResponseError;

    use super::*;

    #[test]
    fn every_name_is_the_protocols() {
        let mut named = 0;
        for number in 1..=120 {
            let shown = Code(number).to_string();
            let (name, _) = shown.split_once(' ').unwrap();
            if name == "error" {
                continue;
            }
            named += 1;
            let theirs = format!("{:?}", ResponseError::try_from_code(number).unwrap());
            let ours = name.replace('_', "").to_lowercase();
            assert_eq!(ours, theirs.to_lowercase(), "{number}");
        }
        assert_eq!(named, 33);
    }

    #[test]
    fn only_what_is_stored_is_taken_for_stored() {
        let stored: Vec<i16> = (-1..=200)
            .filter(|number| Code(*number).meaning() == Meaning::Stored)
            .collect();
        assert_eq!(stored, [0, 46]);
    }
}
