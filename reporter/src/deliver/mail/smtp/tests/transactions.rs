//! How a mail is written: at once where the relay lets us, by BDAT where it offers that.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn the_same_mail_whatever_the_relay_offers() {
    let contents = ["Subject: x", "", ".dot", "end"];
    #[rustfmt::skip]
    let rows: [(&str, &[&str], &[&str], &str); 3] = [
        ("250 relay.example", &["DATA"], &["Subject: x", "", "..dot", "end", "."], "plain"),
        (PIPELINING, &["DATA"], &["Subject: x", "", "..dot", "end", "."], "at once"),
        (CHUNKING, &["BDAT 25 LAST"], &contents, "counted octets need no dots"),
    ];
    for (extensions, command, content, why) in rows {
        let relay = Relay::start(&[("EHLO", extensions)]).await;
        let client = relay.client();
        for copy in [None, Some("copy@sender.example"), None] {
            assert_eq!(name(&send_with(&client, copy).await), "sent", "{why}");
        }
        let heard = relay.heard.lock().await.join("\n");
        let envelope = [
            "MAIL FROM:<noreply@sender.example>",
            "RCPT TO:<rua@rcpt.example>",
        ];
        let mail = |copy: &[&str]| [&envelope, copy, command, content].concat().join("\n");
        let (alone, copied) = (mail(&[]), mail(&["RCPT TO:<copy@sender.example>"]));
        let want = ["EHLO sender.example", &alone, &copied, &alone].join("\n");
        assert_eq!(heard, want, "{why}");
        assert_eq!(relay.connections(), 1, "{why}");
    }
}

/// Notifications are asked for where bounces come back to us, and the relay offers them; otherwise nothing is as it was.
#[tokio::test]
async fn notifications_are_asked_for_where_they_are_offered() {
    let offered = "250-relay.example\r\n250-PIPELINING\r\n250 DSN";
    for (extensions, id, want, why) in [
        (PIPELINING, Some("dab"), ["", "", ""], "not offered"),
        (offered, None, ["", "", ""], "not wanted"),
        (
            offered,
            Some("dab"),
            [" RET=HDRS ENVID=dab", " NOTIFY=FAILURE", " NOTIFY=NEVER"],
            "both",
        ),
    ] {
        let relay = Relay::start(&[("EHLO", extensions)]).await;
        let copy = Some("copy@sender.example");
        let answer = send_named(&relay.client(), copy, id).await;
        assert_eq!(name(&answer), "sent", "{why}");
        let [mail, rcpt, copy] = want;
        for line in [
            format!("MAIL FROM:<noreply@sender.example>{mail}"),
            format!("RCPT TO:<rua@rcpt.example>{rcpt}"),
            format!("RCPT TO:<copy@sender.example>{copy}"),
        ] {
            assert_eq!(relay.heard(&line).await, 1, "{why}: {line}");
        }
    }
}

/// A relay that answers nothing before it has the last command of the envelope.
#[tokio::test]
async fn the_envelope_is_written_at_once() {
    for (extensions, last, replies) in [
        (PIPELINING, "DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"),
        (CHUNKING, "rcpt.example>\r\n", "250 ok\r\n250 ok\r\n"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let relay = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let greeted = format!("{extensions}\r\n");
            let dialogue = [
                ("220 hi\r\n", "EHLO sender.example\r\n"),
                (&greeted, last),
                (replies, "\r\nend\r\n"),
            ];
            for (reply, until) in dialogue {
                stream.write_all(reply.as_bytes()).await.unwrap();
                let mut heard = Vec::new();
                while !String::from_utf8_lossy(&heard).contains(until) {
                    assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0);
                }
            }
            stream.write_all(b"250 taken\r\n").await.unwrap();
        };
        let client = Smtp {
            port,
            ..Relay::start(&[]).await.client()
        };
        let (answer, ()) = tokio::join!(send_with(&client, None), relay);
        assert_eq!(name(&answer), "sent", "{last}");
    }
}

/// Postfix says 554 then. Others take an empty mail for one, and a copy is not sent alone.
#[tokio::test]
async fn without_a_recipient_no_mail_is_sent() {
    for extensions in ["250 relay.example", PIPELINING, CHUNKING] {
        for (data, kept) in [
            ("354 go on", extensions != PIPELINING),
            ("554 no valid recipients", true),
        ] {
            let script = [
                ("EHLO", extensions),
                ("RCPT", "550 5.1.1 no"),
                ("DATA", data),
            ];
            let relay = Relay::start(&script).await;
            let client = relay.client();
            for _ in 0..2 {
                assert_eq!(name(&send_with(&client, None).await), "refused", "{data}");
            }
            assert_eq!(relay.heard("end").await, 0, "{data}");
            let connections = if kept { 1 } else { 2 };
            assert_eq!(relay.connections(), connections, "{extensions:?} {data}");
        }
    }
}

/// What stands before a relay may pass on its offers, and not know them.
#[tokio::test]
async fn bdat_that_is_not_known_is_data_from_then_on() {
    for answer in ["500 what?", "502 5.5.1 not implemented"] {
        let relay = Relay::start(&[("EHLO", CHUNKING), ("BDAT", answer)]).await;
        let client = relay.client();
        for _ in 0..3 {
            assert_eq!(name(&send_with(&client, None).await), "sent", "{answer}");
        }
        assert_eq!(relay.heard("BDAT 25 LAST").await, 1, "{answer}");
        assert_eq!(relay.heard("DATA").await, 3, "{answer}");
        assert_eq!(relay.connections(), 2, "{answer}");
    }
}
