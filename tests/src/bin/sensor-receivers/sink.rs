//! What the sensor's configuration says of a sink. Only this file knows how that is written.

use std::fmt::Write as _;
use std::path::Path;

/// How documents are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON, as Elastic's schema has it.
    Ecs,
    /// JSON, as the Open Cybersecurity Schema Framework has it.
    Ocsf,
    /// ArcSight's lines.
    Cef,
    /// JSON with one level.
    Flat,
}

/// A `[[sink]]`.
#[derive(Clone, Debug)]
pub struct Sink {
    kind: &'static str,
    format: Format,
    settings: Vec<(&'static str, String)>,
}

/// What is sent to places that ask who is there.
pub const TOKEN: &str = "7a4a1e4c-5d3b-4a0c-9c0e-0c1f0f0e6a11";

impl Format {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
            Self::Flat => "flat",
        }
    }
}

impl Sink {
    /// One of a type, in a format.
    pub const fn new(kind: &'static str, format: Format) -> Self {
        Self {
            kind,
            format,
            settings: Vec::new(),
        }
    }

    /// Adds a text.
    pub fn text(mut self, key: &'static str, value: impl AsRef<str>) -> Self {
        self.settings.push((key, quoted(value.as_ref())));
        self
    }

    /// Adds a file.
    pub fn file(self, key: &'static str, value: &Path) -> Self {
        self.text(key, value.to_string_lossy())
    }

    /// Adds a list of one text.
    pub fn list(mut self, key: &'static str, value: &str) -> Self {
        self.settings.push((key, format!("[{}]", quoted(value))));
        self
    }

    /// Adds a number.
    pub fn number(mut self, key: &'static str, value: u64) -> Self {
        self.settings.push((key, value.to_string()));
        self
    }

    /// Adds a yes or no.
    pub fn flag(mut self, key: &'static str, value: bool) -> Self {
        self.settings.push((key, value.to_string()));
        self
    }

    /// The format of its documents.
    pub const fn format(&self) -> Format {
        self.format
    }

    fn write(&self, name: &str, to: &mut String) {
        let _never = write!(
            to,
            "\n[[sink]]\nname = {}\ntype = {}\nformat = {}\n",
            quoted(name),
            quoted(self.kind),
            quoted(self.format.name()),
        );
        for (key, value) in &self.settings {
            let _never = writeln!(to, "{key} = {value}");
        }
    }
}

/// A whole configuration. The spools are in a folder of their own.
pub fn configuration<'a>(
    sinks: impl IntoIterator<Item = (&'a str, &'a Sink)>,
    state: &Path,
    spools: &Path,
) -> String {
    let mut text = format!(
        "[state]\ndirectory = {}\nspool_directory = {}\n",
        quoted(&state.to_string_lossy()),
        quoted(&spools.to_string_lossy()),
    );
    for (name, sink) in sinks {
        sink.write(name, &mut text);
    }
    text
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            control if control.is_control() => {
                let _never = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_written_as_the_documentation_has_it() {
        let sink = Sink::new("syslog", Format::Cef)
            .text("address", "tcp://localhost:\"1\"")
            .number("batch_events", 3)
            .flag("acknowledge", true)
            .list("servers", "a");
        let text = configuration([("siem", &sink)], Path::new("/state"), Path::new("/spool"));
        let (_, sinks) = text.split_once("\n[[sink]]\n").unwrap();
        assert_eq!(
            sinks,
            "name = \"siem\"\ntype = \"syslog\"\nformat = \"cef\"\n\
             address = \"tcp://localhost:\\\"1\\\"\"\nbatch_events = 3\nacknowledge = true\n\
             servers = [\"a\"]\n"
        );
    }
}
