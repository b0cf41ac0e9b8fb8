//! Rungs of the ladder of hooks: what a host may refuse the sensor.

use anyhow::{Result, bail};

/// Which hooks the sensor may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Whatever the kernel accepts.
    Tracing,
    /// No tracing programs: kprobes in their place.
    Kprobes,
    /// Neither: raw tracepoints and cgroup programs only.
    LockedDown,
}

impl Rung {
    /// From the top of the ladder to its foot.
    pub const ALL: [Self; 3] = [Self::Tracing, Self::Kprobes, Self::LockedDown];

    /// The rung's name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tracing => "tracing",
            Self::Kprobes => "kprobes",
            Self::LockedDown => "locked-down",
        }
    }

    /// The rung with this name.
    pub fn parse(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|rung| rung.name() == name) {
            Some(rung) => Ok(rung),
            None => bail!("there is no rung {name:?}: tracing, kprobes or locked-down"),
        }
    }

    /// The sensor's configuration. Nothing is detected: most scenarios are about events, and some of
    /// what they do is what rules look for.
    pub fn configuration(self) -> String {
        format!("[detect]\nenabled = false\n{}", self.hooks())
    }

    /// What it says of hooks.
    pub const fn hooks(self) -> &'static str {
        match self {
            Self::Tracing => "",
            Self::Kprobes => "[hooks]\ntracing = false\n",
            Self::LockedDown => "[hooks]\ntracing = false\nkprobes = false\n",
        }
    }
}
