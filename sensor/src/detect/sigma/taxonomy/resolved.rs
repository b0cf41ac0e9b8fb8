//! The names that addresses were looked up by, from the DNS answers that were seen.
//!
//! A connection is to an address; rules ask for names. The last question that was answered with an
//! address, by whatever process, gives it its name: a resolver's daemon asks for others, and the
//! answers of its cache on the loopback are seen too. What is looked up by encrypted DNS, or was
//! before the sensor started, has no name, and a process that answers itself chooses what it likes.

use std::{net::IpAddr, sync::Arc};

use crate::{
    enrich::cache::Cache,
    event::{Body, Event, dns::Message},
};

/// Most addresses whose names are remembered.
const ADDRESSES_MAX: usize = 16_384;

/// Most addresses that are taken from one answer.
const ADDRESSES_OF_ANSWER_MAX: usize = 64;

/// Names of addresses, those that were seen longest ago forgotten first.
#[derive(Debug)]
pub struct ResolvedNames {
    names: Cache<IpAddr, Arc<str>>,
    cut: u64,
}

impl Default for ResolvedNames {
    fn default() -> Self {
        Self {
            names: Cache::new(ADDRESSES_MAX),
            cut: 0,
        }
    }
}

impl ResolvedNames {
    /// Notes what an event tells, if it is a DNS answer.
    pub fn learn(&mut self, event: &Event) {
        let Body::DnsAnswer(dns) = &event.body else {
            return;
        };
        if let Ok(message) = Message::parse(&dns.message) {
            self.note(&message);
        }
    }

    fn note(&mut self, message: &Message) {
        let Some(question) = message.question.as_ref().filter(|_| message.is_answer) else {
            return;
        };
        let mut addresses = message.resolved_addresses().peekable();
        if addresses.peek().is_none() {
            return;
        }
        let name: Arc<str> = question.name.as_str().into();
        for address in addresses.by_ref().take(ADDRESSES_OF_ANSWER_MAX) {
            self.names.insert(address, name.clone());
        }
        self.cut += u64::try_from(addresses.count()).unwrap_or(u64::MAX);
    }

    /// The name that an address was last looked up by, without the final dot.
    #[must_use]
    pub fn name(&self, address: IpAddr) -> Option<&str> {
        self.names.peek(&address).map(|name| &**name)
    }

    /// How many addresses have no name because there was no room.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.names.evicted() + self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::dns::{Answer, Question};

    fn answer(name: &str, addresses: &[IpAddr]) -> Message {
        let answers = addresses.iter().map(|address| Answer {
            name: "elsewhere.example".into(),
            kind: "A".into(),
            class: "IN".into(),
            ttl: 60,
            data: address.to_string(),
            address: Some(*address),
        });
        Message {
            id: 1,
            is_answer: true,
            op_code: "QUERY".into(),
            header_flags: Vec::new(),
            question: Some(Question {
                name: name.into(),
                kind: "A".into(),
                class: "IN".into(),
            }),
            response_code: None,
            answers: answers.collect(),
            truncated: false,
            error: None,
        }
    }

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(number).into()
    }

    #[test]
    fn an_address_has_the_name_that_was_asked_for_last() {
        let mut names = ResolvedNames::default();
        names.note(&answer("pool.example", &[address(1), address(2)]));
        assert_eq!(names.name(address(2)), Some("pool.example"));
        names.note(&answer("other.example", &[address(2)]));
        assert_eq!(names.name(address(1)), Some("pool.example"));
        assert_eq!(names.name(address(2)), Some("other.example"));
        assert_eq!(names.name(address(3)), None);
        let question = Message {
            is_answer: false,
            ..answer("asked.example", &[address(3)])
        };
        names.note(&question);
        assert_eq!(names.name(address(3)), None);
    }

    #[test]
    fn no_more_is_remembered_than_the_limit_and_the_rest_is_counted() {
        let mut names = ResolvedNames::default();
        let many: Vec<IpAddr> = (0..100).map(address).collect();
        names.note(&answer("many.example", &many));
        assert_eq!(names.name(address(63)), Some("many.example"));
        assert_eq!(names.name(address(64)), None);
        assert_eq!(names.lost(), 36);
        for number in 0..20_000 {
            names.note(&answer("all.example", &[address(number)]));
        }
        assert_eq!(names.names.len(), ADDRESSES_MAX);
        assert_eq!(names.name(address(0)), None);
        assert_eq!(names.name(address(19_999)), Some("all.example"));
    }
}
