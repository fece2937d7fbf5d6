//! Which connections are kept for the next mail, and how they end.

use super::*;

#[tokio::test]
async fn one_connection_carries_many_mails() {
    let relay = Relay::start(&[]).await;
    let client = relay.client();
    for _ in 0..3 {
        assert_eq!(name(&send(&client).await), "sent");
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
    let relay = Relay::start(&[("RCPT", "550 5.1.1 no")]).await;
    let client = relay.client();
    for _ in 0..2 {
        assert_eq!(name(&send(&client).await), "refused");
    }
    assert_eq!(relay.connections(), 1);
    assert_eq!(relay.heard("RSET").await, 2);
}

#[tokio::test]
async fn a_connection_that_the_relay_closed_is_made_anew() {
    let relay = Relay::start(&[]).await;
    let client = relay.client();
    assert_eq!(name(&send(&client).await), "sent");
    let other = Relay::start(&[("MAIL", "close")]).await;
    client.kept.put(other.client().connect().await.unwrap());
    assert_eq!(name(&send(&client).await), "sent");
    assert_eq!(relay.connections(), 2);
}

/// Some relays bound the mails of one session.
#[tokio::test]
async fn what_a_kept_connection_does_not_take_goes_by_a_fresh_one() {
    for answer in [
        "452 4.5.3 too many messages in this session",
        "550 5.5.0 too many messages",
        "421 too many messages",
    ] {
        let relay = Relay::start(&[]).await;
        let client = relay.client();
        let used_up = Relay::start(&[("MAIL", answer)]).await;
        let old = used_up.client().connect().await.unwrap();
        client.kept.put(old);
        for _ in 0..2 {
            assert_eq!(name(&send(&client).await), "sent", "{answer}");
        }
        assert_eq!(relay.connections(), 1, "{answer}: and that one is kept");
        assert_eq!(used_up.heard("MAIL FROM:<noreply@sender.example>").await, 1);
    }
}

#[tokio::test]
async fn a_connection_that_takes_no_mail_is_not_kept() {
    for (command, answer, connections, why) in [
        ("MAIL", "452 too many messages", 2, "it may take no more"),
        ("MAIL", "550 no", 2, "no mail has got further"),
        ("RCPT", "452 4.5.3 too many recipients", 2, "of the session"),
        ("RCPT", "450 greylisted", 1, "it is this recipient"),
        (END_OF_MAIL, "451 later", 1, "it is this mail"),
        (END_OF_MAIL, "554 5.7.1 spam", 1, "it is this mail"),
    ] {
        let relay = Relay::start(&[(command, answer)]).await;
        let client = relay.client();
        for _ in 0..2 {
            assert_eq!(name(&send(&client).await), "denied", "{command} {answer}");
        }
        assert_eq!(relay.connections(), connections, "{command}: {why}");
        let goodbyes = usize::from(connections > 1) * connections;
        assert_eq!(relay.heard("QUIT").await, goodbyes, "{command}: {why}");
    }
}

#[tokio::test]
async fn an_idle_connection_ends_politely() {
    let relay = Relay::start(&[]).await;
    let client = Smtp {
        kept: IdleConnections::new(Duration::from_millis(40)),
        ..relay.client()
    };
    assert_eq!(name(&send(&client).await), "sent");
    while relay.heard("QUIT").await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(name(&send(&client).await), "sent");
    assert_eq!(relay.connections(), 2);
}
