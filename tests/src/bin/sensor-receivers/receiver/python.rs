//! Kafka's and OpenTelemetry's protocols, by the libraries that are theirs.

use std::fs;

use anyhow::{Context as _, Result};

use super::{Guarantee, Materials, Program, Ready, Receiver};
use crate::place::free_port;
use crate::sink::{Format, Sink};

const TOPIC: &str = "sensor-events";

/// librdkafka's broker for tests. It chooses its port when it starts, so it is started here.
pub fn kafka(materials: &Materials, format: Format) -> Result<Receiver> {
    materials.scripts.ensure_package("confluent_kafka")?;
    let name = format!("kafka-{}", format.name());
    let folder = materials.folder.join(&name);
    fs::create_dir_all(&folder)?;
    let (port, file) = (folder.join("port"), folder.join("got"));
    let mut command = materials.scripts.command("kafka.py")?;
    command.arg(TOPIC).arg(&port).arg(&file);
    let mut program = Program::new(command, folder.join("log.txt"), Ready::File(port.clone()));
    program.start().context("cannot start Kafka's broker")?;
    let port = fs::read_to_string(&port).context("the broker said no port")?;
    let server = format!("127.0.0.1:{port}");
    let sink = Sink::new("kafka", format)
        .list("servers", &server)
        .text("topic", TOPIC);
    let by_hand = ["kafka".to_owned(), format!("{TOPIC}@{server}")];
    Ok(Receiver::new(name, sink, Guarantee::Received, &file)
        .program(program)
        .by_hand(by_hand))
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otlp {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP.
    Http,
}

/// A receiver of OTLP.
pub fn otlp(materials: &Materials, way: Otlp, format: Format) -> Result<Receiver> {
    for package in ["grpc", "opentelemetry.proto.collector.logs.v1"] {
        materials.scripts.ensure_package(package)?;
    }
    let way = match way {
        Otlp::Grpc => "grpc",
        Otlp::Http => "http",
    };
    let name = format!("otlp-{way}-{}", format.name());
    let folder = materials.folder.join(&name);
    fs::create_dir_all(&folder)?;
    let (port, file) = (free_port()?, folder.join("got"));
    let mut command = materials.scripts.command("otlp.py")?;
    command.arg(way).arg(port.to_string()).arg(&file);
    let program = Program::new(command, folder.join("log.txt"), Ready::Port(port));
    let sink = Sink::new("otlp", format)
        .text("url", format!("http://127.0.0.1:{port}"))
        .text("protocol", way);
    let by_hand = [format!("otlp-{way}"), format!("127.0.0.1:{port}")];
    Ok(Receiver::new(name, sink, Guarantee::Stored, &file)
        .program(program)
        .by_hand(by_hand))
}
