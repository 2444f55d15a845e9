//! The response to one query.
//!
//! **Invariant:** pure, apart from the counts of the faults.
//! **Start reading at** [`answer`].
//!
//! Source: RFC 1035, sections 4.1 and 4.2.1; RFC 6891 on larger answers by UDP.

use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, RecordType};

use crate::faults::{FaultKind, FaultPlan};
use crate::zone::{Kind, Zone, key};

/// The transport of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A datagram, whose answer has a limited length.
    Udp,
    /// A connection.
    Tcp,
}

/// Maximum bytes of an answer by UDP to a client that names no limit.
const UDP_BYTES: usize = 512;

/// Bytes of a datagram that the server offers to receive.
const OFFERED_BYTES: u16 = 1232;

/// Returns the response to a message; `None` when no response may come.
pub fn answer(message: &[u8], transport: Transport, zone: &Zone, faults: &mut FaultPlan) -> Option<Vec<u8>> {
    let request = match Message::from_vec(message) {
        Ok(request) => request,
        Err(_) => {
            return encoded(&Message::error_msg(
                id_of(message)?,
                OpCode::Query,
                ResponseCode::FormErr,
            ));
        }
    };
    if request.metadata.message_type != MessageType::Query {
        // A response to a response would never end.
        return None;
    }
    let mut response = Message::response(request.metadata.id, request.metadata.op_code);
    response.metadata = Metadata::response_from_request(&request.metadata);
    response.metadata.recursion_available = true;
    response.queries.clone_from(&request.queries);
    if request.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(OFFERED_BYTES);
        response.edns = Some(edns);
    }
    match question(&request) {
        Err(code) => response.metadata.response_code = code,
        Ok(query) => {
            let chosen = faults.choose(&key(&query.name), kind_of(query.query_type));
            match chosen {
                Some(FaultKind::Timeout) => return None,
                Some(FaultKind::Servfail) => response.metadata.response_code = ResponseCode::ServFail,
                Some(FaultKind::Nxdomain) => response.metadata.response_code = ResponseCode::NXDomain,
                Some(FaultKind::Refused) => response.metadata.response_code = ResponseCode::Refused,
                Some(FaultKind::Truncated) if transport == Transport::Udp => return encoded(&response.truncate()),
                Some(FaultKind::Truncated) | None => fill(&mut response, query, zone),
            }
        }
    }
    let bytes = encoded(&response)?;
    let limit = request
        .edns
        .as_ref()
        .map_or(UDP_BYTES, |edns| UDP_BYTES.max(usize::from(edns.max_payload())));
    if transport == Transport::Udp && bytes.len() > limit {
        return encoded(&response.truncate());
    }
    Some(bytes)
}

/// Returns the only question of a request.
fn question(request: &Message) -> Result<&Query, ResponseCode> {
    if request.metadata.op_code != OpCode::Query {
        return Err(ResponseCode::NotImp);
    }
    match request.queries.as_slice() {
        [query] if query.query_class == DNSClass::IN => Ok(query),
        [_] => Err(ResponseCode::Refused),
        _ => Err(ResponseCode::FormErr),
    }
}

fn fill(response: &mut Message, query: &Query, zone: &Zone) {
    let found = zone.find(&query.name, query.query_type);
    if !found.exists {
        response.metadata.response_code = ResponseCode::NXDomain;
    }
    response.answers = found.answers;
}

/// Returns the type of a record, if the server knows it.
#[must_use]
pub fn kind_of(wire: RecordType) -> Option<Kind> {
    [Kind::A, Kind::Aaaa, Kind::Cname, Kind::Mx, Kind::Txt]
        .into_iter()
        .find(|kind| kind.on_the_wire() == wire)
}

fn id_of(message: &[u8]) -> Option<u16> {
    let (id, _) = message.split_first_chunk::<2>()?;
    Some(u16::from_be_bytes(*id))
}

/// Returns the bytes of a response. The records were checked when they were added, so that none is too long to encode.
fn encoded(response: &Message) -> Option<Vec<u8>> {
    response.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Name;

    use super::*;
    use crate::faults::Fault;
    use crate::zone::Record;

    fn zone() -> Zone {
        let mut zone = Zone::default();
        for value in ["x".repeat(400), "y".repeat(400)] {
            let (name, kind) = ("long.example".to_owned(), Kind::Txt);
            zone.add(Record { name, kind, value }).unwrap();
        }
        zone
    }

    fn request(name: &str, edns: Option<u16>) -> Message {
        let mut message = Message::query();
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::TXT));
        message.edns = edns.map(|bytes| {
            let mut edns = Edns::new();
            edns.set_max_payload(bytes);
            edns
        });
        message
    }

    fn ask(request: &Message, transport: Transport, fault: Option<FaultKind>) -> Option<Message> {
        let faults = fault.map(|kind| Fault {
            kind,
            name: None,
            record: None,
            count: None,
        });
        let mut plan = FaultPlan {
            faults: faults.into_iter().collect(),
        };
        let bytes = answer(&request.to_vec().unwrap(), transport, &zone(), &mut plan)?;
        Some(Message::from_vec(&bytes).unwrap())
    }

    #[test]
    fn a_long_answer_by_udp_is_truncated() {
        for (edns, transport, answers) in [
            (None, Transport::Udp, 0),
            (Some(700), Transport::Udp, 0),
            (Some(1232), Transport::Udp, 2),
            (None, Transport::Tcp, 2),
        ] {
            let response = ask(&request("Long.example.", edns), transport, None).unwrap();
            assert_eq!(response.answers.len(), answers, "{edns:?} {transport:?}");
            assert_eq!(response.metadata.truncation, answers == 0, "{edns:?} {transport:?}");
            assert_eq!(
                response.queries[0].name.to_ascii(),
                "Long.example.",
                "the question is returned unchanged"
            );
        }
    }

    #[test]
    fn every_fault_shows_in_the_response() {
        let asked = request("long.example.", Some(1232));
        let code = |fault| ask(&asked, Transport::Udp, Some(fault)).map(|response| response.metadata.response_code);
        assert_eq!(code(FaultKind::Servfail), Some(ResponseCode::ServFail));
        assert_eq!(code(FaultKind::Nxdomain), Some(ResponseCode::NXDomain));
        assert_eq!(code(FaultKind::Refused), Some(ResponseCode::Refused));
        assert_eq!(code(FaultKind::Timeout), None);
        for (transport, truncated) in [(Transport::Udp, true), (Transport::Tcp, false)] {
            let response = ask(&asked, transport, Some(FaultKind::Truncated)).unwrap();
            assert_eq!(response.metadata.truncation, truncated);
        }
    }

    #[test]
    fn an_unknown_name_gets_nxdomain() {
        let response = ask(&request("none.example.", None), Transport::Udp, None).unwrap();
        assert_eq!(response.metadata.response_code, ResponseCode::NXDomain);
        let response = ask(&request("example.", None), Transport::Udp, None).unwrap();
        assert_eq!(response.metadata.response_code, ResponseCode::NoError);
    }

    #[test]
    fn a_message_that_is_no_query_gets_an_error() {
        let mut plan = FaultPlan::default();
        let mut reply = |bytes: &[u8]| answer(bytes, Transport::Udp, &zone(), &mut plan);
        assert_eq!(reply(&[]), None);
        let broken = Message::from_vec(&reply(&[7, 9, 1]).unwrap()).unwrap();
        assert_eq!(
            (broken.metadata.id, broken.metadata.response_code),
            (0x0709, ResponseCode::FormErr)
        );
        let mut response = request("long.example.", None);
        response.metadata.message_type = MessageType::Response;
        assert_eq!(reply(&response.to_vec().unwrap()), None);
        let empty = Message::from_vec(&reply(&Message::query().to_vec().unwrap()).unwrap()).unwrap();
        assert_eq!(empty.metadata.response_code, ResponseCode::FormErr);
    }
}
