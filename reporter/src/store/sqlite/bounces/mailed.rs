//! The mail that a tag names: a delivery, or what the operator has asked for.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use tlsrptd_proto::{day::Day, domain::Domain};

use crate::{
    model::{BounceKey, BounceTag, Destination, NamedBy, RequestId, RequestState, TaggedMail},
    store::sqlite::text,
};

/// A mail that went out.
pub(super) struct Mailed {
    pub(super) mail: TaggedMail,
    pub(super) destination: Destination,
    /// Of a delivery.
    pub(super) report: Option<CarriedReport>,
    /// The word of its row; `None`: it has not ended.
    status: Option<String>,
}

/// The report that it carried.
pub(super) struct CarriedReport {
    pub(super) r_id: i64,
    /// As the row has it.
    pub(super) day: String,
    domain: String,
    uniqid: u64,
    /// The mail's Date.
    pub(super) dated: Option<Timestamp>,
}

impl Mailed {
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

impl CarriedReport {
    /// Day, domain, and the number among theirs.
    pub(super) fn name(&self) -> Option<(Day, String, u64)> {
        let day = Day::parse(&self.day).ok()?;
        Some((day, self.domain.clone(), self.uniqid))
    }
}

/// Finds it. The number alone does not name it: it may have been given again.
pub(super) fn find(
    db: &Connection,
    key: &BounceKey,
    tag: &BounceTag,
) -> rusqlite::Result<Option<Mailed>> {
    match tag.mail() {
        TaggedMail::Delivery(r_id) => delivery(db, key, tag, r_id),
        TaggedMail::Request(id) => request(db, key, tag, id),
    }
}

fn delivery(
    db: &Connection,
    key: &BounceKey,
    tag: &BounceTag,
    r_id: i64,
) -> rusqlite::Result<Option<Mailed>> {
    let mut select = db.prepare_cached(
        "SELECT r.day, r.domain, r.uniqid, d.destination, d.tlsrptd_origin, d.status, d.tlsrptd_dated \
         FROM reports r JOIN destinations d ON d.d_r_id = r.r_id WHERE r.r_id = ?1",
    )?;
    let mut rows = select.query([r_id])?;
    while let Some(row) = rows.next()? {
        let string = |at| {
            let value = row.get_ref(at)?;
            Ok::<_, rusqlite::Error>(value.as_str().ok().map(str::to_owned))
        };
        let uniqid = row.get_ref(2)?.as_i64().ok();
        let uniqid = uniqid.and_then(|uniqid| u64::try_from(uniqid).ok());
        let (Some(day), Some(domain), Some(uniqid), Some(uri)) =
            (string(0)?, string(1)?, uniqid, string(3)?)
        else {
            continue;
        };
        // As the mail named it: sys4 keeps names as it received them.
        let Ok(domain) = Domain::parse(&domain) else {
            continue;
        };
        if key.of_delivery(r_id, &day, domain.as_str(), uniqid, &uri) != *tag {
            continue;
        }
        return Ok(Some(Mailed {
            mail: tag.mail(),
            destination: Destination::new(uri, NamedBy::from_word(string(4)?.as_deref())),
            report: Some(CarriedReport {
                r_id,
                day,
                domain: domain.to_string(),
                uniqid,
                dated: string(6)?.as_deref().and_then(text::instant),
            }),
            status: string(5)?,
        }));
    }
    Ok(None)
}

fn request(
    db: &Connection,
    key: &BounceKey,
    tag: &BounceTag,
    id: RequestId,
) -> rusqlite::Result<Option<Mailed>> {
    let row: Option<(Option<String>, Option<String>)> = db
        .prepare_cached("SELECT destination, state FROM tlsrptd_requests WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((Some(uri), status)) = row else {
        return Ok(None);
    };
    let is_it = key.of_request(id, &uri) == *tag;
    Ok(is_it.then(|| Mailed {
        mail: tag.mail(),
        destination: Destination::new(uri, NamedBy::Operator),
        report: None,
        status,
    }))
}
