//! What is abnormal: rules and detectors look at each event as it is written, and raise alerts.
//!
//! - [`alert`]: what an alert says. [`severity`]: how grave it is.
//! - [`sigma`]: rules in the Sigma format; [`pack`]: those that the sensor brings along.
//! - [`detector`]: what looks at more than one event; [`detectors`]: those that there are.
//! - [`exception`]: what is known to be harmless. [`known`]: rules as the configuration names them.
//! - [`repetition`]: the same alert again and again. [`reason`]: what an alert says in a sentence.
//! - [`detection`]: all of it together.

pub mod alert;
pub mod detection;
pub mod detector;
pub mod detectors;
pub mod exception;
pub mod known;
pub mod pack;
pub mod reason;
pub mod repetition;
pub mod severity;
pub mod sigma;
