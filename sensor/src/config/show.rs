//! Writing a configuration down, so that it explains itself.

use super::{
    Config, detect,
    keys::{Shown, keys, sections},
    sink,
};

impl Config {
    /// This configuration as TOML: every key with its meaning and default. Reading it gives this
    /// configuration again.
    #[must_use]
    pub fn show(&self) -> String {
        let default = Self::default();
        let mut lines = vec![
            "# The sensor's configuration: every key, its meaning and its default.".to_owned(),
            "# A key that is left out has its default.".to_owned(),
        ];
        for section in sections() {
            lines.push(String::new());
            lines.push(format!("[{section}]"));
            for key in keys().filter(|key| key.section == section) {
                lines.push(String::new());
                lines.extend(key.meaning.iter().map(|line| format!("# {line}")));
                lines.push(match (key.show)(&default) {
                    Shown::Set(value) => format!("# Default: {value}"),
                    Shown::Unset { meaning, .. } => format!("# Default: none, {meaning}"),
                });
                lines.push(match (key.show)(self) {
                    Shown::Set(value) => format!("{} = {value}", key.name),
                    Shown::Unset { example, .. } => format!("# {} = {example}", key.name),
                });
            }
        }
        for exception in &self.detect.exceptions {
            lines.push(String::new());
            lines.extend(detect::exception::show(exception));
        }
        for sink in &self.sinks {
            lines.push(String::new());
            lines.extend(sink::show(sink));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}
