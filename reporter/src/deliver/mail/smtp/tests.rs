//! What a relay answers decides the outcome.

mod connections;
mod relay;
mod transactions;

use tlsrptd_proto::tlsrpt_record::Mailbox;

use super::*;
use crate::deliver::fixtures;
use crate::deliver::mail::mail_answer::DenialScope;
use relay::{END_OF_MAIL, FLOOD, GREETING, HANDSHAKE, IN_TLS, Relay, SHORT};

const PIPELINING: &str = "250-relay.example\r\n250 PIPELINING";
const CHUNKING: &str = "250-relay.example\r\n250-PIPELINING\r\n250 CHUNKING";
const MAIL: &[u8] = b"Subject: x\r\n\r\n.dot\r\nend\r\n";

/// How the mail ended.
fn name(answer: &MailAnswer) -> &'static str {
    match answer {
        MailAnswer::Taken { .. } => "sent",
        MailAnswer::NoSuchAddress { .. } => "refused",
        MailAnswer::AddressBusy { .. } => "retry",
        MailAnswer::Unknown { .. } => "unknown",
        MailAnswer::Nobody { .. } => "nobody",
        MailAnswer::Denied(denial) => match denial.scope {
            DenialScope::Session => "no session",
            DenialScope::Mail => "denied",
        },
    }
}

async fn send(client: &Smtp) -> MailAnswer {
    send_with(client, Some("copy@sender.example")).await
}

async fn send_with(client: &Smtp, copy: Option<&str>) -> MailAnswer {
    send_named(client, copy, None).await
}

async fn send_named(client: &Smtp, copy: Option<&str>, envelope_id: Option<&str>) -> MailAnswer {
    let mailbox = |text| Mailbox::parse(text).unwrap();
    let (from, to) = (
        mailbox("noreply@sender.example"),
        mailbox("rua@rcpt.example"),
    );
    let copy = copy.map(mailbox);
    client
        .send(
            &Envelope {
                from: &from,
                to: &to,
                copy_to: copy.as_ref(),
                envelope_id,
            },
            MAIL,
            &UnansweredReports::default(),
        )
        .await
}

#[tokio::test]
async fn the_outcome_depends_on_code_and_stage() {
    #[rustfmt::skip]
    let rows = [
        ("EHLO", "250 relay.example", "sent", "nothing special"),
        (GREETING, "220", "sent", "a bare code"),
        (GREETING, "220-a\r\n220 b", "sent", "two lines"),
        (GREETING, "421 busy", "no session", "no mail gets further"),
        (GREETING, "554 no", "no session", "between us and the relay"),
        (GREETING, "354 go on", "no session", "no greeting"),
        (GREETING, "SSH-2.0-x", "nobody", "no relay"),
        (GREETING, FLOOD, "nobody", "memory is bounded"),
        (GREETING, "220 hi\r\n250 ok", "nobody", "it answers what was not asked"),
        (GREETING, "close", "nobody", "closed"),
        (GREETING, "hang", "nobody", "time-out"),
        ("EHLO", "451 later", "no session", "no mail gets further"),
        ("EHLO", "421 bye", "no session", "the relay goes away"),
        ("EHLO", "501 no", "sent", "HELO is older"),
        ("EHLO", "504 no", "sent", "the same"),
        ("EHLO", "550 no", "sent", "RFC 5321 section 3.2 has this code too"),
        ("EHLO", "554 no", "sent", "who stands before the relay may say anything"),
        ("EHLO", "502 what?", "sent", "HELO is older"),
        ("EHLO", "500", "sent", "the same"),
        ("EHLO", "250-relay.example\r\n250 PIPELINING", "sent", "extensions"),
        ("EHLO", "250", "sent", "a bare code"),
        ("MAIL", "451 later", "denied", "temporary"),
        ("MAIL", "550 not you", "denied", "the operator's to mend"),
        ("MAIL", "354", "denied", "no answer to that"),
        ("MAIL", "250", "sent", "a bare code"),
        ("MAIL", "close", "denied", "closed"),
        ("MAIL", "hang", "denied", "time-out"),
        ("RCPT", "251 will forward", "sent", "2xx"),
        ("RCPT", "250\t\u{fc}", "sent", "Latin-1"),
        ("RCPT", "150 x", "denied", "no code"),
        ("RCPT", "354", "denied", "no answer to that"),
        ("RCPT", "450 later", "denied", "temporary"),
        ("RCPT", "452 4.2.2 full", "retry", "about the address, now"),
        ("RCPT", "550 no such user", "denied", "nobody can tell it from the next"),
        ("RCPT", "550 Relay access denied", "denied", "about us"),
        ("RCPT", "550 5.1.1 no such user", "refused", "about the address"),
        ("RCPT", "550-5.1.1 no\r\n550 5.1.1 such user", "refused", "about the address"),
        ("RCPT", "550 5.1.1 Empf\u{e4}nger unbekannt", "refused", "Latin-1"),
        ("RCPT", "550 5.1.1 no such user(cut)", "refused", "it said so before it was gone"),
        ("RCPT", "554 5.7.1 Relay access denied", "denied", "about us: the operator's to mend"),
        ("RCPT", "550 5.1.8 Sender address rejected", "denied", "about us"),
        ("RCPT", "550 5.1.1 <noreply@sender.example>: Sender address rejected: no such user", "denied", "a policy's own code"),
        ("RCPT", "504 5.5.2 Helo command rejected", "denied", "about us"),
        ("RCPT", "530 log in first", "denied", "RFC 4954 section 6"),
        ("RCPT", "close", "denied", "closed"),
        ("RCPT", "hang", "denied", "time-out"),
        ("DATA", "250 ok", "denied", "it does not wait for a mail"),
        ("DATA", "354", "sent", "a bare code"),
        ("DATA", "354 go\r\n250 taken", "denied", "what it takes before it has it"),
        ("DATA", "451 later", "denied", "temporary"),
        ("DATA", "554 no", "denied", "about the mail"),
        ("DATA", "550 5.7.1 not from you", "denied", "about us"),
        ("DATA", "421 bye", "denied", "temporary"),
        (END_OF_MAIL, "250", "sent", "a bare code"),
        (END_OF_MAIL, "250 ", "sent", "a bare code and a space"),
        (END_OF_MAIL, "250 \u{fc}", "sent", "Latin-1"),
        (END_OF_MAIL, "250-a\r\n250 b", "sent", "two lines"),
        (END_OF_MAIL, "250 queued(cut)", "sent", "three digits decide"),
        (END_OF_MAIL, "250(cut)", "sent", "three digits decide"),
        (END_OF_MAIL, "250-queued\r\n(cut)", "sent", "three digits decide"),
        (END_OF_MAIL, "250-queued\r\nwhat", "sent", "three digits decide"),
        (END_OF_MAIL, "25(cut)", "unknown", "two are none"),
        (END_OF_MAIL, "354 go on", "unknown", "no answer to that"),
        (END_OF_MAIL, "452 full", "denied", "temporary"),
        (END_OF_MAIL, "552 too large", "denied", "about the mail"),
        (END_OF_MAIL, "550 5.7.1 spam", "denied", "about the mail, or about us"),
        (END_OF_MAIL, "550 5.1.1 no such user", "denied", "which of the two?"),
        (END_OF_MAIL, "close", "unknown", "it may have been taken, or not"),
        (END_OF_MAIL, "hang", "unknown", "the same"),
        (END_OF_MAIL, "garbage", "unknown", "no answer that we understand"),
        (END_OF_MAIL, FLOOD, "unknown", "memory is bounded"),
    ];
    for extensions in ["250 relay.example", PIPELINING, CHUNKING] {
        for (command, reply, expected, why) in rows {
            if command == "DATA" && extensions == CHUNKING {
                continue;
            }
            let relay = Relay::start(&[("EHLO", extensions), (command, reply)]).await;
            let answer = send(&relay.client()).await;
            let row = format!("{extensions:?}: {command} {reply}: {why}: {answer:?}");
            assert_eq!(name(&answer), expected, "{row}");
            assert!(row.len() < 1200, "{row}");
        }
    }
}

#[tokio::test]
async fn at_the_end_of_a_mail_without_a_copy_it_is_the_address() {
    let relay = Relay::start(&[(END_OF_MAIL, "550 5.1.1 no such user")]).await;
    let answer = send_with(&relay.client(), None).await;
    assert_eq!(name(&answer), "refused", "{answer:?}");
}

#[tokio::test]
async fn what_stands_behind_the_answer_to_starttls_is_not_read() {
    let ehlo = ("EHLO", "250-relay.example\r\n250 STARTTLS");
    let injected = "220 go on\r\n250-injected\r\n250 AUTH PLAIN";
    let relay = Relay::start(&[ehlo, ("STARTTLS", injected)]).await;
    assert_eq!(name(&send(&relay.client()).await), "sent");
    assert_eq!(relay.connections(), 2, "on a connection of its own");
    assert_eq!(relay.heard(IN_TLS).await, 0);
}

#[tokio::test]
async fn we_greet_by_a_name_or_by_our_address() {
    let relay = Relay::start(&[]).await;
    let client = Smtp {
        hello: HeloName::Address,
        ..relay.client()
    };
    assert_eq!(name(&send(&client).await), "sent");
    assert_eq!(relay.heard("EHLO [127.0.0.1]").await, 1);
    let relay = Relay::start(&[("EHLO", "502 what?")]).await;
    assert_eq!(name(&send(&relay.client()).await), "sent");
    assert_eq!(relay.heard("HELO sender.example").await, 1);
    let relay = Relay::start(&[("EHLO", "501 no"), ("HELO", "501 no such name")]).await;
    let answer = send(&relay.client()).await;
    assert_eq!(
        name(&answer),
        "no session",
        "our name is not liked: {answer:?}"
    );
}

#[tokio::test]
async fn a_login_in_each_way_in_which_relays_ask_for_it() {
    #[rustfmt::skip]
    let rows = [
        ("PLAIN LOGIN", vec!["235 welcome"], "sent", "PLAIN, in one line"),
        ("PLAIN", vec!["334 ", "235 welcome"], "sent", "PLAIN, in two"),
        ("LOGIN", vec!["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235"], "sent", "LOGIN"),
        ("LOGIN", vec!["334 VXNlcm5hbWU6", "535 no"], "no session", "no such user"),
        ("PLAIN", vec!["334 ", "334 "], "no session", "a question too many"),
        ("PLAIN", vec!["454 later"], "no session", "not now"),
        ("PLAIN", vec!["close"], "nobody", "gone"),
        ("CRAM-MD5", vec![], "no session", "nothing that we know"),
    ];
    for (offered, answers, expected, why) in rows {
        let ehlo: &'static str = format!("250-relay.example\r\n250 AUTH {offered}").leak();
        let mut script = vec![("EHLO", ehlo)];
        let commands = match offered {
            "LOGIN" => ["AUTH", "dXNlcg==", "c2VjcmV0"],
            _ => ["AUTH", "AHVzZXIAc2VjcmV0", "AHVzZXIAc2VjcmV0"],
        };
        script.extend(commands.into_iter().zip(answers));
        let relay = Relay::start(&script).await;
        let client = Smtp {
            login: Some(login("secret")),
            ..relay.client()
        };
        let answer = send(&client).await;
        assert_eq!(name(&answer), expected, "{offered}: {why}: {answer:?}");
        assert!(
            !format!("{answer:?}").contains("c2VjcmV0"),
            "{offered}: {why}"
        );
    }
}

fn login(password: &str) -> Login {
    Login {
        user: "user".to_owned(),
        password: password.to_owned(),
    }
}

#[test]
fn a_relay_may_look_long_at_a_mail() {
    for (usual, data, end, why) in [
        (10, 120, 600, "RFC 5321 section 4.5.3.2"),
        (900, 900, 900, "the operator may wait longer"),
    ] {
        let waits = ReplyTimeouts::new(Duration::from_secs(usual));
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
    assert_eq!(name(&send(&client).await), "unknown");
    assert!(began.elapsed() >= SHORT * 3);
}

#[tokio::test]
async fn nobody_listens() {
    let relay = Relay::start(&[]).await;
    let client = Smtp {
        port: 1,
        ..relay.client()
    };
    assert_eq!(name(&send(&client).await), "nobody");
}

#[tokio::test]
async fn starttls_that_fails_does_not_stop_the_report() {
    for answer in ["454 not now", "220 go on", "close", "hang", "502 what"] {
        let ehlo = ("EHLO", "250-relay.example\r\n250 STARTTLS");
        let relay = Relay::start(&[ehlo, ("STARTTLS", answer)]).await;
        let outcome = send(&relay.client()).await;
        assert_eq!(name(&outcome), "sent", "{answer}: {outcome:?}");
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
        assert_eq!(name(&send(&client).await), "sent");
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
    assert_eq!(name(&send(&client).await), "sent");
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
    let strict = Smtp::prepare("relay.example", 465, true, &fixtures::settings(&options)).unwrap();
    let client = Smtp {
        tls: strict.tls,
        implicit_tls: true,
        ..relay.client()
    };
    let outcome = send(&client).await;
    assert!(
        matches!(&outcome, MailAnswer::Nobody { reason } if reason.contains("certificate")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_password_is_used_on_loopback_and_not_sent_in_plain_elsewhere() {
    let ehlo = ("EHLO", "250-relay.example\r\n250 AUTH PLAIN");
    let relay = Relay::start(&[ehlo, ("AUTH", "235 welcome")]).await;
    let with_password = |host: &str| Smtp {
        host: host.to_owned(),
        login: Some(login("secret")),
        ..relay.client()
    };
    assert_eq!(name(&send(&with_password("127.0.0.1")).await), "sent");
    // Another way to write the loopback address, which is not known for one.
    let outcome = send(&with_password("127.1")).await;
    assert!(
        matches!(&outcome, MailAnswer::Denied(denial) if denial.reason.contains("in plain")),
        "{outcome:?}"
    );

    let relay = Relay::start(&[ehlo, ("AUTH", "535 wrong")]).await;
    let client = Smtp {
        login: Some(login("wrong")),
        ..relay.client()
    };
    assert_eq!(
        name(&send(&client).await),
        "no session",
        "the operator's to mend"
    );
}
