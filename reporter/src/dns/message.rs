//! Questions and replies on the wire (RFC 1035 section 4, RFC 6891). The codec is hickory's; of a reply only the
//! sections that decide are read, so nothing odd in the others costs an answer.

use hickory_proto::{
    op::{Edns, Header, Message, Metadata, OpCode, Query, ResponseCode},
    rr::{Name, RData, Record, RecordType},
    serialize::binary::{BinDecodable as _, BinDecoder},
};

/// What we take over UDP: no fragments on any usual path (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1232;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Absolute.
    pub(crate) name: Name,
    /// Its type.
    pub(crate) kind: RecordType,
}

/// One reply to a question.
#[derive(Debug)]
pub(super) struct DnsReply {
    metadata: Metadata,
    /// `None`: unreadable.
    answers: Option<Vec<Record>>,
    code: ResponseCode,
    is_referral: bool,
}

/// What kind of reply a server gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReplyKind {
    /// An answer, which decides.
    Answer(DnsAnswer),
    /// To be asked for again over TCP.
    Truncated,
    /// The server does not know EDNS: to be asked for again without it.
    NoEdns,
    /// An error: the next server may have an answer.
    Failed(ResponseCode),
    /// The server does not offer recursion.
    Referral,
    /// It cannot be read.
    Garbled,
}

/// What DNS says about a name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DnsAnswer {
    /// The records; CNAMEs on the way are left out.
    Records(Vec<RData>),
    /// The name does not exist.
    NoName,
    /// The name exists, without records of the type.
    NoRecords,
}

impl Question {
    /// Its bytes.
    pub(super) fn bytes(&self, id: u16, with_edns: bool) -> Option<Vec<u8>> {
        let mut message = Message::query();
        message.metadata.id = id;
        message.metadata.op_code = OpCode::Query;
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(self.name.clone(), self.kind));
        if with_edns {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_PAYLOAD).set_version(0);
            message.set_edns(edns);
        }
        message.to_vec().ok()
    }

    /// The reply to it; `None` for anything else that comes in.
    pub(super) fn reply(&self, id: u16, bytes: &[u8]) -> Option<DnsReply> {
        let mut decoder = BinDecoder::new(bytes);
        let Header { metadata, counts } = Header::read(&mut decoder).ok()?;
        if metadata.id != id || bytes[2] & 0x80 == 0 {
            return None;
        }
        let code = metadata.response_code;
        let asked = match counts.queries {
            // A server that cannot read a question does not repeat it.
            0 if code != ResponseCode::NoError => true,
            1 => Query::read(&mut decoder)
                .is_ok_and(|query| *query.name() == self.name && query.query_type() == self.kind),
            _ => false,
        };
        if !asked {
            return None;
        }
        let answers: Option<Vec<Record>> = (0..counts.answers)
            .map(|_| Record::read(&mut decoder).ok())
            .collect();
        // BADVERS stands in the last section, which is read only where there are no records.
        let code = match &answers {
            Some(none) if none.is_empty() => {
                Message::from_vec(bytes).map_or(code, |whole| whole.metadata.response_code)
            }
            _ => code,
        };
        // It knows nothing of the name and asks nobody, whether or not it says who does (as libc has it).
        let is_referral =
            counts.answers == 0 && !metadata.authoritative && !metadata.recursion_available;
        Some(DnsReply {
            metadata,
            answers,
            code,
            is_referral,
        })
    }

    /// What kind of reply it is.
    pub(super) fn classify(&self, reply: DnsReply, with_edns: bool) -> ReplyKind {
        if reply.metadata.truncation {
            return ReplyKind::Truncated;
        }
        match reply.code {
            ResponseCode::NoError if reply.is_referral => ReplyKind::Referral,
            ResponseCode::NoError => match reply.answers {
                Some(answers) => ReplyKind::Answer(self.found(&answers)),
                None => ReplyKind::Garbled,
            },
            ResponseCode::NXDomain => ReplyKind::Answer(DnsAnswer::NoName),
            code if with_edns && is_about_edns(code) => ReplyKind::NoEdns,
            code => ReplyKind::Failed(code),
        }
    }

    /// The records at the end of the chain of CNAMEs.
    fn found(&self, answers: &[Record]) -> DnsAnswer {
        let mut name = &self.name;
        for _ in 0..=answers.len() {
            let here = || answers.iter().filter(|record| record.name == *name);
            let data: Vec<RData> = here()
                .filter(|record| record.record_type() == self.kind)
                .map(|record| record.data.clone())
                .collect();
            if !data.is_empty() {
                return DnsAnswer::Records(data);
            }
            let alias = here().find_map(|record| match &record.data {
                RData::CNAME(target) => Some(&target.0),
                _ => None,
            });
            match alias {
                Some(target) => name = target,
                None => break,
            }
        }
        DnsAnswer::NoRecords
    }
}

/// Old servers say FORMERR or NOTIMP. BADVERS shares its number with BADSIG.
fn is_about_edns(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::FormErr | ResponseCode::NotImp)
        || u16::from(code) == u16::from(ResponseCode::BADVERS)
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::{A, CNAME, NS, TXT};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn question() -> Question {
        Question {
            name: name("_smtp._tls.a.example."),
            kind: RecordType::TXT,
        }
    }

    fn txt(text: &str) -> RData {
        RData::TXT(TXT::new(vec![text.to_owned()]))
    }

    fn response(code: ResponseCode, answers: &[(&str, RData)]) -> Message {
        let question = question();
        let mut reply = Message::response(7, OpCode::Query);
        reply.metadata.response_code = code;
        reply.metadata.recursion_available = true;
        reply.add_query(Query::query(question.name, question.kind));
        for (owner, data) in answers {
            reply.add_answer(Record::from_rdata(name(owner), 0, data.clone()));
        }
        reply
    }

    fn classify(bytes: &[u8], with_edns: bool) -> Option<ReplyKind> {
        let question = question();
        let reply = question.reply(7, bytes)?;
        Some(question.classify(reply, with_edns))
    }

    #[test]
    fn what_a_reply_means() {
        use ResponseCode::{
            BADVERS, FormErr, NXDomain, NoError, NotImp, Refused, ServFail, YXRRSet,
        };
        let own = "_smtp._tls.a.example.";
        let alias = |target: &str| RData::CNAME(CNAME(name(target)));
        let found = |text: &str| ReplyKind::Answer(DnsAnswer::Records(vec![txt(text)]));
        let none = || ReplyKind::Answer(DnsAnswer::NoRecords);
        for (code, answers, edns, want, why) in [
            (NoError, vec![(own, txt("x"))], true, found("x"), "a record"),
            (
                NoError,
                vec![("_SMTP._tls.A.example.", txt("x"))],
                true,
                found("x"),
                "names have no case",
            ),
            (NoError, vec![], true, none(), "none"),
            (
                NXDomain,
                vec![],
                true,
                ReplyKind::Answer(DnsAnswer::NoName),
                "no name",
            ),
            (
                NoError,
                vec![("b.example.", txt("x")), (own, alias("b.example."))],
                true,
                found("x"),
                "an alias, in any order",
            ),
            (
                NoError,
                vec![(own, alias("b.example."))],
                true,
                none(),
                "an alias to nothing",
            ),
            (
                NoError,
                vec![(own, alias(own))],
                true,
                none(),
                "an alias of itself",
            ),
            (
                NoError,
                vec![("b.example.", txt("x"))],
                true,
                none(),
                "a record of somebody else",
            ),
            (
                NoError,
                vec![(own, RData::A(A::new(10, 0, 0, 1)))],
                true,
                none(),
                "another type",
            ),
            (FormErr, vec![], true, ReplyKind::NoEdns, "an old server"),
            (NotImp, vec![], true, ReplyKind::NoEdns, "an old server"),
            (BADVERS, vec![], true, ReplyKind::NoEdns, "a strange one"),
            (
                FormErr,
                vec![],
                false,
                ReplyKind::Failed(FormErr),
                "it was EDNS that it could not read",
            ),
            (
                Refused,
                vec![],
                true,
                ReplyKind::Failed(Refused),
                "no answer",
            ),
            (
                ServFail,
                vec![],
                true,
                ReplyKind::Failed(ServFail),
                "no answer",
            ),
            (
                YXRRSet,
                vec![],
                true,
                ReplyKind::Failed(YXRRSet),
                "no answer to a question",
            ),
        ] {
            let mut reply = response(code, &answers);
            if code == BADVERS {
                let mut edns = Edns::new();
                edns.set_version(0);
                reply.set_edns(edns);
            }
            let bytes = reply.to_vec().unwrap();
            assert_eq!(classify(&bytes, edns), Some(want), "{code}: {why}");
        }
    }

    #[test]
    fn what_a_reply_is() {
        let good = response(
            ResponseCode::NoError,
            &[("_smtp._tls.a.example.", txt("x"))],
        );
        let bytes = good.to_vec().unwrap();
        assert!(classify(&bytes, true).is_some());
        let mut other_id = bytes.clone();
        other_id[0] = 9;
        let mut question = bytes.clone();
        question[2] &= 0x7f;
        let mut other_name = good.clone();
        other_name.queries[0].set_name(name("_smtp._tls.b.example."));
        for (bytes, why) in [
            (&other_id, "of another question"),
            (&question, "our own question, sent back"),
            (&other_name.to_vec().unwrap(), "to another question"),
            (&bytes[..11].to_vec(), "no header"),
            (&Vec::new(), "nothing"),
        ] {
            assert_eq!(classify(bytes, true), None, "{why}");
        }
        let garbled = &bytes[..bytes.len() - 1];
        assert_eq!(classify(garbled, true), Some(ReplyKind::Garbled));
        let mut truncated = bytes[..bytes.len() - 1].to_vec();
        truncated[2] |= 2;
        assert_eq!(classify(&truncated, true), Some(ReplyKind::Truncated));
        // An old server sends the header alone.
        let mut header = response(ResponseCode::FormErr, &[]);
        header.queries.clear();
        assert_eq!(
            classify(&header.to_vec().unwrap(), true),
            Some(ReplyKind::NoEdns)
        );
        let mut referral = response(ResponseCode::NoError, &[]);
        referral.metadata.recursion_available = false;
        let lame = referral.to_vec().unwrap();
        assert_eq!(classify(&lame, true), Some(ReplyKind::Referral));
        referral.metadata.authoritative = true;
        let own = referral.to_vec().unwrap();
        let none = ReplyKind::Answer(DnsAnswer::NoRecords);
        assert_eq!(
            classify(&own, true),
            Some(none),
            "it knows that there is none"
        );
        referral.metadata.authoritative = false;
        let above = RData::NS(NS(name("ns.example.")));
        referral.add_authority(Record::from_rdata(name("example."), 0, above));
        assert_eq!(
            classify(&referral.to_vec().unwrap(), true),
            Some(ReplyKind::Referral)
        );
        // What stands behind the answers may be anything.
        let mut odd = bytes.clone();
        odd[9] = 1;
        odd.extend([0xff; 3]);
        assert_eq!(
            classify(&odd, true),
            Some(ReplyKind::Answer(DnsAnswer::Records(vec![txt("x")])))
        );
    }
}
