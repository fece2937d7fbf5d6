//! Questions and replies on the wire (RFC 1035 section 4, RFC 6891). The codec is hickory's; of a reply only that is read
//! which decides, so that nothing odd in its other sections costs an answer.

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
pub(super) struct Reply {
    metadata: Metadata,
    /// `None`: they cannot be read.
    answers: Option<Vec<Record>>,
    code: ResponseCode,
    is_referral: bool,
}

/// What a server's reply means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It decides.
    Answer(Answer),
    /// The whole of it comes over TCP.
    Truncated,
    /// The server does not know EDNS: to be asked without.
    NoEdns,
    /// It is no answer: the next server may have one.
    Failed(ResponseCode),
    /// The server does not look names up for others.
    Referral,
    /// It cannot be read.
    Garbled,
}

/// What DNS says of a name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There is this; aliases on the way are left out.
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
    pub(super) fn reply(&self, id: u16, bytes: &[u8]) -> Option<Reply> {
        let mut decoder = BinDecoder::new(bytes);
        let Header { metadata, counts } = Header::read(&mut decoder).ok()?;
        if metadata.id != id || bytes[2] & 0x80 == 0 {
            return None;
        }
        let code = metadata.response_code;
        let asked = match counts.queries {
            // Who cannot read a question does not repeat it.
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
        // Of an answer without records it counts what the rest says: BADVERS stands in the last section.
        let code = match &answers {
            Some(none) if none.is_empty() => {
                Message::from_vec(bytes).map_or(code, |whole| whole.metadata.response_code)
            }
            _ => code,
        };
        let is_referral = counts.answers == 0
            && counts.authorities > 0
            && !metadata.authoritative
            && !metadata.recursion_available;
        Some(Reply {
            metadata,
            answers,
            code,
            is_referral,
        })
    }

    /// What a reply to it amounts to.
    pub(super) fn meaning(&self, reply: Reply, with_edns: bool) -> Meaning {
        if reply.metadata.truncation {
            return Meaning::Truncated;
        }
        match reply.code {
            ResponseCode::NoError if reply.is_referral => Meaning::Referral,
            ResponseCode::NoError => match reply.answers {
                Some(answers) => Meaning::Answer(self.found(&answers)),
                None => Meaning::Garbled,
            },
            ResponseCode::NXDomain => Meaning::Answer(Answer::NoName),
            code if with_edns && is_about_edns(code) => Meaning::NoEdns,
            code => Meaning::Failed(code),
        }
    }

    /// The records at the end of the aliases.
    fn found(&self, answers: &[Record]) -> Answer {
        let mut name = &self.name;
        for _ in 0..=answers.len() {
            let here = || answers.iter().filter(|record| record.name == *name);
            let data: Vec<RData> = here()
                .filter(|record| record.record_type() == self.kind)
                .map(|record| record.data.clone())
                .collect();
            if !data.is_empty() {
                return Answer::Records(data);
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
        Answer::NoRecords
    }
}

/// Old servers say that they cannot read the question. BADVERS shares its number with BADSIG.
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

    fn meaning(bytes: &[u8], with_edns: bool) -> Option<Meaning> {
        let question = question();
        let reply = question.reply(7, bytes)?;
        Some(question.meaning(reply, with_edns))
    }

    #[test]
    fn what_a_reply_means() {
        use ResponseCode::{
            BADVERS, FormErr, NXDomain, NoError, NotImp, Refused, ServFail, YXRRSet,
        };
        let own = "_smtp._tls.a.example.";
        let alias = |target: &str| RData::CNAME(CNAME(name(target)));
        let found = |text: &str| Meaning::Answer(Answer::Records(vec![txt(text)]));
        let none = || Meaning::Answer(Answer::NoRecords);
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
                Meaning::Answer(Answer::NoName),
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
            (FormErr, vec![], true, Meaning::NoEdns, "an old server"),
            (NotImp, vec![], true, Meaning::NoEdns, "an old server"),
            (BADVERS, vec![], true, Meaning::NoEdns, "a strange one"),
            (
                FormErr,
                vec![],
                false,
                Meaning::Failed(FormErr),
                "it was EDNS that it could not read",
            ),
            (Refused, vec![], true, Meaning::Failed(Refused), "no answer"),
            (
                ServFail,
                vec![],
                true,
                Meaning::Failed(ServFail),
                "no answer",
            ),
            (
                YXRRSet,
                vec![],
                true,
                Meaning::Failed(YXRRSet),
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
            assert_eq!(meaning(&bytes, edns), Some(want), "{code}: {why}");
        }
    }

    #[test]
    fn what_a_reply_is() {
        let good = response(
            ResponseCode::NoError,
            &[("_smtp._tls.a.example.", txt("x"))],
        );
        let bytes = good.to_vec().unwrap();
        assert!(meaning(&bytes, true).is_some());
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
            assert_eq!(meaning(bytes, true), None, "{why}");
        }
        let garbled = &bytes[..bytes.len() - 1];
        assert_eq!(meaning(garbled, true), Some(Meaning::Garbled));
        let mut truncated = bytes[..bytes.len() - 1].to_vec();
        truncated[2] |= 2;
        assert_eq!(meaning(&truncated, true), Some(Meaning::Truncated));
        // An old server sends the header alone.
        let mut header = response(ResponseCode::FormErr, &[]);
        header.queries.clear();
        assert_eq!(
            meaning(&header.to_vec().unwrap(), true),
            Some(Meaning::NoEdns)
        );
        let mut referral = response(ResponseCode::NoError, &[]);
        referral.metadata.recursion_available = false;
        let above = RData::NS(NS(name("ns.example.")));
        referral.add_authority(Record::from_rdata(name("example."), 0, above));
        assert_eq!(
            meaning(&referral.to_vec().unwrap(), true),
            Some(Meaning::Referral)
        );
        // What stands behind the answers may be anything.
        let mut odd = bytes.clone();
        odd[9] = 1;
        odd.extend([0xff; 3]);
        assert_eq!(
            meaning(&odd, true),
            Some(Meaning::Answer(Answer::Records(vec![txt("x")])))
        );
    }
}
