//! `dns`, and what `sensor.dns` adds to it.

use crate::{
    event::{
        Body, Dns, Event,
        dns::{Answer, Message, MessageError},
    },
    output::json::Object,
};

/// `dns`: of a message that cannot be read, only whether it asks or answers.
pub(super) fn dns(event: &Event, message: Option<&Message>, fields: &mut Object<'_>) {
    let is_answer = message.map_or(matches!(event.body, Body::DnsAnswer(_)), |message| {
        message.is_answer
    });
    fields.word("type", if is_answer { "answer" } else { "query" });
    let Some(message) = message else {
        return;
    };
    fields.id("id", message.id);
    fields.word("op_code", &*message.op_code);
    if !message.header_flags.is_empty() {
        fields.words(
            "header_flags",
            message.header_flags.iter().map(|flag| flag.name()),
        );
    }
    if let Some(question) = &message.question {
        fields.object("question", |fields| {
            fields.text("name", &question.name);
            fields.text("type", &question.kind);
            fields.text("class", &question.class);
        });
    }
    if let Some(code) = &message.response_code {
        fields.word("response_code", &**code);
    }
    answers(message, fields);
}

fn answers(message: &Message, fields: &mut Object<'_>) {
    if !message.answers.is_empty() {
        fields.array("answers", |array| {
            for answer in &message.answers {
                array.object(|fields| self::answer(answer, fields));
            }
        });
    }
    let mut addresses = message.resolved_addresses().peekable();
    if addresses.peek().is_some() {
        fields.array("resolved_ip", |array| {
            addresses.for_each(|address| array.address(address));
        });
    }
}

fn answer(answer: &Answer, fields: &mut Object<'_>) {
    fields.text("name", &answer.name);
    fields.text("type", &answer.kind);
    fields.text("class", &answer.class);
    fields.number("ttl", answer.ttl);
    fields.text("data", &answer.data);
}

/// `sensor.dns`: what is wrong with a message, if something is.
pub(super) fn sensor(dns: &Dns, message: &Result<Message, MessageError>, fields: &mut Object<'_>) {
    let error = match message {
        Ok(message) => message.error,
        Err(error) => Some(*error),
    };
    if let Some(error) = error {
        fields.text("error", &error.to_string());
        fields.base64("message_base64", &dns.message.bytes);
    }
    fields.flag("truncated", dns.message.is_truncated());
}
