//! What a relay answers decides the outcome.

mod relay;

use tlsrptd_proto::txt::Mailbox;

use super::*;
use crate::deliver::sample::{self, word};
use relay::{END_OF_MAIL, GREETING, HANDSHAKE, IN_TLS, Relay, SHORT};

const MAIL: &[u8] = b"Subject: x\r\n\r\n.dot\r\nend\r\n";

async fn send(client: &Smtp) -> Outcome {
    let mailbox = |text| Mailbox::parse(text).unwrap();
    let (from, to) = (
        mailbox("noreply@sender.example"),
        mailbox("rua@rcpt.example"),
    );
    let copy = mailbox("copy@sender.example");
    client
        .send(
            &Envelope {
                from: &from,
                to: &to,
                copy_to: Some(&copy),
            },
            MAIL,
        )
        .await
}

#[tokio::test]
async fn the_outcome_depends_on_code_and_stage() {
    #[rustfmt::skip]
    let rows = [
        ("EHLO", "250 relay.example", "sent", "nothing special"),
        (GREETING, "421 busy", "unreachable", "no mail gets further"),
        (GREETING, "554 no", "unreachable", "between us and the relay"),
        (GREETING, "close", "unreachable", "closed"),
        (GREETING, "hang", "unreachable", "time-out"),
        ("EHLO", "451 later", "unreachable", "no mail gets further"),
        ("EHLO", "550 no", "unreachable", "between us and the relay"),
        ("MAIL", "451 later", "retry", "temporary"),
        ("MAIL", "550 not you", "retry", "the operator's to mend"),
        ("MAIL", "close", "retry", "closed"),
        ("MAIL", "hang", "retry", "time-out"),
        ("RCPT", "450 later", "retry", "temporary"),
        ("RCPT", "550 no such user", "refused", "about the address"),
        ("RCPT", "550 5.1.1 no such user", "refused", "about the address"),
        ("RCPT", "554 5.7.1 Relay access denied", "retry", "about us: the operator's to mend"),
        ("RCPT", "530 log in first", "retry", "the same, RFC 4954 section 6"),
        ("RCPT", "close", "retry", "closed"),
        ("RCPT", "hang", "retry", "time-out"),
        ("DATA", "451 later", "retry", "temporary"),
        ("DATA", "554 no", "unsendable", "about the mail"),
        ("DATA", "550 5.7.1 not from you", "retry", "about us"),
        ("DATA", "421 bye", "retry", "temporary"),
        (END_OF_MAIL, "452 full", "retry", "temporary"),
        (END_OF_MAIL, "552 too large", "unsendable", "about the mail"),
        (END_OF_MAIL, "550 5.7.1 spam", "unsendable", "about the mail"),
        (END_OF_MAIL, "close", "retry", "it may have been taken, or not"),
        (END_OF_MAIL, "hang", "retry", "the same"),
        ("EHLO", "250-relay.example\r\n250 PIPELINING", "sent", "extensions"),
        (END_OF_MAIL, "garbage", "retry", "no answer that we understand"),
    ];
    for (command, answer, expected, why) in rows {
        let relay = Relay::start(&[(command, answer)]).await;
        let outcome = send(&relay.client()).await;
        assert_eq!(
            word(&outcome),
            expected,
            "{command} {answer}: {why}: {outcome:?}"
        );
    }
}

#[test]
fn a_relay_may_look_long_at_a_mail() {
    for (usual, data, end, why) in [
        (10, 120, 600, "RFC 5321 section 4.5.3.2"),
        (900, 900, 900, "the operator may wait longer"),
    ] {
        let waits = Waits::new(Duration::from_secs(usual));
        assert_eq!(waits.usual.as_secs(), usual, "{why}");
        assert_eq!(waits.data.as_secs(), data, "{why}");
        assert_eq!(waits.end.as_secs(), end, "{why}");
    }
}

#[tokio::test]
async fn the_end_of_a_mail_is_waited_for_longer_than_other_answers() {
    let relay = Relay::start(&[(END_OF_MAIL, "hang")]).await;
    let mut client = relay.client();
    client.waits.end = SHORT * 3;
    let began = tokio::time::Instant::now();
    assert_eq!(word(&send(&client).await), "retry");
    assert!(began.elapsed() >= SHORT * 3);
}

#[tokio::test]
async fn nobody_listens() {
    let relay = Relay::start(&[]).await;
    let client = Smtp {
        port: 1,
        ..relay.client()
    };
    assert_eq!(word(&send(&client).await), "unreachable");
}

#[tokio::test]
async fn one_connection_carries_many_mails() {
    let relay = Relay::start(&[]).await;
    let client = relay.client();
    for _ in 0..3 {
        assert_eq!(word(&send(&client).await), "sent");
    }
    assert_eq!(relay.connections(), 1);
    for (line, count) in [
        ("MAIL FROM:<noreply@sender.example>", 3),
        ("RCPT TO:<rua@rcpt.example>", 3),
        ("RCPT TO:<copy@sender.example>", 3),
        ("..dot", 3),
        ("end", 3),
        ("", 3),
    ] {
        assert_eq!(relay.heard(line).await, count, "{line}");
    }
}

#[tokio::test]
async fn a_refused_mail_leaves_the_connection_usable() {
    let relay = Relay::start(&[("RCPT", "550 no")]).await;
    let client = relay.client();
    for _ in 0..2 {
        assert_eq!(word(&send(&client).await), "refused");
    }
    assert_eq!(relay.connections(), 1);
    assert_eq!(relay.heard("RSET").await, 2);
}

#[tokio::test]
async fn a_connection_that_the_relay_closed_is_made_anew() {
    let relay = Relay::start(&[]).await;
    let client = relay.client();
    assert_eq!(word(&send(&client).await), "sent");
    let other = Relay::start(&[("MAIL", "close")]).await;
    client.kept.put(other.client().connect().await.unwrap());
    assert_eq!(word(&send(&client).await), "sent");
    assert_eq!(relay.connections(), 2);
}

#[tokio::test]
async fn starttls_that_fails_does_not_stop_the_report() {
    for answer in ["454 not now", "220 go on", "close", "hang", "502 what"] {
        let ehlo = ("EHLO", "250-relay.example\r\n250 STARTTLS");
        let relay = Relay::start(&[ehlo, ("STARTTLS", answer)]).await;
        let outcome = send(&relay.client()).await;
        assert_eq!(word(&outcome), "sent", "{answer}: {outcome:?}");
        assert_eq!(
            relay.connections(),
            2,
            "{answer}: in plain, on a new connection"
        );
    }
}

#[tokio::test]
async fn tls_is_used_whoever_signed_the_certificate() {
    let ehlo = ("EHLO", "250-relay.example\r\n250 STARTTLS");
    let relay = Relay::start(&[ehlo, ("STARTTLS", HANDSHAKE)]).await;
    let client = relay.client();
    for _ in 0..2 {
        assert_eq!(word(&send(&client).await), "sent");
    }
    assert_eq!(relay.connections(), 1);
    let heard = relay.heard.lock().await.clone();
    let before = heard.iter().position(|line| line == IN_TLS).unwrap();
    assert_eq!(heard[..before], ["EHLO sender.example", "STARTTLS"]);

    let relay = Relay::start_with(&[], true).await;
    let client = Smtp {
        implicit_tls: true,
        ..relay.client()
    };
    assert_eq!(word(&send(&client).await), "sent");
    assert_eq!(relay.heard(IN_TLS).await, 1);
}

#[tokio::test]
async fn a_password_asks_for_a_certificate_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    let options = [
        ("mail_user", "user"),
        ("mail_password_file", password.to_str().unwrap()),
    ];
    let relay = Relay::start_with(&[], true).await;
    let strict = Smtp::prepare("relay.example", 465, true, &sample::settings(&options)).unwrap();
    let client = Smtp {
        tls: strict.tls,
        implicit_tls: true,
        ..relay.client()
    };
    let outcome = send(&client).await;
    assert!(
        matches!(&outcome, Outcome::Unreachable { reason } if reason.contains("certificate")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_password_is_used_on_loopback_and_not_sent_in_plain_elsewhere() {
    let ehlo = ("EHLO", "250-relay.example\r\n250 AUTH PLAIN");
    let relay = Relay::start(&[ehlo, ("AUTH", "235 welcome")]).await;
    let with_password = |host: &str| Smtp {
        host: host.to_owned(),
        credentials: Some(Credentials::new("user".to_owned(), "secret".to_owned())),
        ..relay.client()
    };
    assert_eq!(word(&send(&with_password("127.0.0.1")).await), "sent");
    // Another way to write the loopback address, which is not known for one.
    let outcome = send(&with_password("127.1")).await;
    assert!(
        matches!(&outcome, Outcome::Unreachable { reason } if reason.contains("in plain")),
        "{outcome:?}"
    );

    let relay = Relay::start(&[ehlo, ("AUTH", "535 wrong")]).await;
    let client = Smtp {
        credentials: Some(Credentials::new("user".to_owned(), "wrong".to_owned())),
        ..relay.client()
    };
    assert_eq!(
        word(&send(&client).await),
        "unreachable",
        "the operator's to mend"
    );
}

#[tokio::test]
async fn an_idle_connection_ends_politely() {
    let relay = Relay::start(&[]).await;
    let client = Smtp {
        kept: Kept::new(Duration::from_millis(40)),
        ..relay.client()
    };
    assert_eq!(word(&send(&client).await), "sent");
    while relay.heard("QUIT").await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(word(&send(&client).await), "sent");
    assert_eq!(relay.connections(), 2);
}
