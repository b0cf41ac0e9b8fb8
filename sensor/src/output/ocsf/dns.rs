//! DNS messages.

use super::{Context, class::is_answer};
use crate::{
    event::{
        Event,
        dns::{Answer, HeaderFlag, Message},
    },
    output::json::Object,
};

/// `query`, `answers` and `rcode`; of a message that cannot be read, only when it was seen.
pub(super) fn dns(
    event: &Event,
    message: Option<&Message>,
    context: &Context<'_>,
    line: &mut Object<'_>,
) {
    let time = context.milliseconds(event.origin.time);
    if is_answer(event, message) {
        line.number("response_time", time);
    } else {
        line.number("query_time", time);
    }
    let Some(message) = message else {
        return;
    };
    query(Some(message), line);
    if let Some(code) = &message.response_code {
        let (id, caption) = response_code(code);
        line.number("rcode_id", id);
        line.text("rcode", caption);
    }
    if !message.answers.is_empty() {
        line.array("answers", |answers| {
            for answer in &message.answers {
                answers.object(|fields| self::answer(answer, message, fields));
            }
        });
    }
}

/// `query`. Without a name there is none in OCSF.
pub(super) fn query(message: Option<&Message>, line: &mut Object<'_>) {
    let Some(message) = message else {
        return;
    };
    if let Some(question) = message
        .question
        .as_ref()
        .filter(|question| !question.name.is_empty())
    {
        line.object("query", |query| {
            query.text("hostname", &question.name);
            query.text("type", &question.kind);
            query.text("class", &question.class);
            query.number("packet_uid", message.id);
            query.number("opcode_id", opcode(&message.op_code));
            query.text("opcode", &message.op_code);
        });
    }
}

fn answer(answer: &Answer, message: &Message, fields: &mut Object<'_>) {
    // Required, also where it cannot be read.
    fields.pieces("rdata", |text| text.piece(&answer.data));
    fields.text("type", &answer.kind);
    fields.text("class", &answer.class);
    fields.number("ttl", answer.ttl);
    fields.number("packet_uid", message.id);
    let mut flags = message
        .header_flags
        .iter()
        .filter_map(|flag| flag_id(*flag))
        .peekable();
    if flags.peek().is_some() {
        fields.numbers("flag_ids", flags);
    }
}

/// The flags that OCSF knows; it knows nothing of EDNS.
const fn flag_id(flag: HeaderFlag) -> Option<u8> {
    match flag {
        HeaderFlag::AuthoritativeAnswer => Some(1),
        HeaderFlag::Truncated => Some(2),
        HeaderFlag::RecursionDesired => Some(3),
        HeaderFlag::RecursionAvailable => Some(4),
        HeaderFlag::AuthenticData => Some(5),
        HeaderFlag::CheckingDisabled => Some(6),
        HeaderFlag::DnssecOk => None,
    }
}

fn opcode(name: &str) -> u8 {
    match name {
        "QUERY" => 0,
        "IQUERY" => 1,
        "STATUS" => 2,
        "3" => 3,
        "NOTIFY" => 4,
        "UPDATE" => 5,
        "DSO" => 6,
        _ => 99,
    }
}

/// `rcode_id` and its caption.
fn response_code(name: &str) -> (u8, &str) {
    match name {
        "NOERROR" => (0, "NoError"),
        "FORMERR" => (1, "FormError"),
        "SERVFAIL" => (2, "ServError"),
        "NXDOMAIN" => (3, "NXDomain"),
        "NOTIMP" => (4, "NotImp"),
        "REFUSED" => (5, "Refused"),
        "YXDOMAIN" => (6, "YXDomain"),
        "YXRRSET" => (7, "YXRRSet"),
        "NXRRSET" => (8, "NXRRSet"),
        "NOTAUTH" => (9, "NotAuth"),
        "NOTZONE" => (10, "NotZone"),
        "11" => (11, "DSOTYPENI"),
        "BADVERS" => (16, "BADSIG_VERS"),
        "17" => (17, "BADKEY"),
        "18" => (18, "BADTIME"),
        "19" => (19, "BADMODE"),
        "20" => (20, "BADNAME"),
        "21" => (21, "BADALG"),
        "22" => (22, "BADTRUNC"),
        "BADCOOKIE" => (23, "BADCOOKIE"),
        other => match other.parse::<u16>() {
            Ok(3841..=4095 | u16::MAX) => (25, "Reserved"),
            Ok(_) => (24, "Unassigned"),
            Err(_) => (99, other),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_without_a_name_are_unassigned_or_reserved() {
        assert_eq!(response_code("NXDOMAIN").0, 3);
        assert_eq!(response_code("12").0, 24);
        assert_eq!(response_code("3841").0, 25);
        assert_eq!(response_code("NEW"), (99, "NEW"));
        assert_eq!(opcode("3"), 3);
        assert_eq!(opcode("9"), 99);
    }
}
