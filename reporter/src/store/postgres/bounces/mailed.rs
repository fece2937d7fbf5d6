//! The mail that a tag names: a delivery, or what the operator has asked for.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, ToSql};
use tlsrptd_proto::{day::Day, domain::Domain};

use crate::{
    model::{BounceKey, BounceTag, Destination, NamedBy, RequestId, RequestState, TaggedMail},
    store::postgres::r_id,
};

/// Asks within a transaction, or outside of any.
pub(super) type MailedQuery<'a> =
    dyn Fn(&str, &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> + 'a;

/// A mail that went out.
pub(super) struct CarriedMail {
    pub(super) mail: TaggedMail,
    pub(super) destination: Destination,
    /// Of a delivery.
    pub(super) report: Option<MailReport>,
    /// The word of its row; `None`: it has not ended.
    status: Option<String>,
}

/// The report that it carried.
pub(super) struct MailReport {
    pub(super) r_id: i64,
    pub(super) day: Day,
    pub(super) domain: Domain,
    uniqid: u64,
    /// The mail's Date.
    pub(super) dated: Option<Timestamp>,
}

impl CarriedMail {
    pub(super) fn is_pending(&self) -> bool {
        match self.mail {
            TaggedMail::Delivery(_) => self.status.is_none(),
            TaggedMail::Request(_) => {
                let state = self.status.as_deref().and_then(RequestState::from_word);
                state.is_some_and(|state| !state.is_over())
            }
        }
    }
}

impl MailReport {
    /// Day, domain, and the number among theirs.
    pub(super) fn name(&self) -> (Day, String, u64) {
        (self.day, self.domain.to_string(), self.uniqid)
    }
}

/// Finds it. The number alone does not name it: anybody may have written the tag.
pub(super) fn find(
    query: &MailedQuery<'_>,
    key: &BounceKey,
    tag: &BounceTag,
) -> Result<Option<CarriedMail>, Fault> {
    match tag.mail() {
        TaggedMail::Delivery(r_id) => delivery(query, key, tag, r_id),
        TaggedMail::Request(id) => request(query, key, tag, id),
    }
}

fn delivery(
    query: &MailedQuery<'_>,
    key: &BounceKey,
    tag: &BounceTag,
    r_id: i64,
) -> Result<Option<CarriedMail>, Fault> {
    let Some(day) = r_id::day_of(r_id) else {
        return Ok(None);
    };
    let rows = query(
        "SELECT r.domain, r.uniqid, d.uri, d.origin, d.status, d.dated \
         FROM report r JOIN delivery d ON d.day = r.day AND d.r_id = r.r_id WHERE r.day = $1 AND r.r_id = $2",
        &[&PgDay(day), &r_id],
    )?;
    for row in &rows {
        let uri: String = row.try_get(2)?;
        let uniqid = u64::try_from(row.try_get::<_, i64>(1)?);
        let (Ok(domain), Ok(uniqid)) = (Domain::parse(row.try_get(0)?), uniqid) else {
            continue;
        };
        if key.of_delivery(r_id, &day.to_string(), domain.as_str(), uniqid, &uri) != *tag {
            continue;
        }
        let origin: &str = row.try_get(3)?;
        let dated: Option<PgTime> = row.try_get(5)?;
        return Ok(Some(CarriedMail {
            mail: tag.mail(),
            destination: Destination::new(uri, NamedBy::from_word(Some(origin))),
            report: Some(MailReport {
                r_id,
                day,
                domain,
                uniqid,
                dated: dated.map(|PgTime(at)| at),
            }),
            status: row.try_get(4)?,
        }));
    }
    Ok(None)
}

fn request(
    query: &MailedQuery<'_>,
    key: &BounceKey,
    tag: &BounceTag,
    id: RequestId,
) -> Result<Option<CarriedMail>, Fault> {
    let rows = query(
        "SELECT destination, state FROM request WHERE id = $1",
        &[&id.0],
    )?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let uri: String = row.try_get(0)?;
    if key.of_request(id, &uri) != *tag {
        return Ok(None);
    }
    Ok(Some(CarriedMail {
        mail: tag.mail(),
        destination: Destination::new(uri, NamedBy::Operator),
        report: None,
        status: row.try_get(1)?,
    }))
}
