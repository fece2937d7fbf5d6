use std::time::Duration;

use hyper::StatusCode;

use super::*;
use crate::status::{
    host::HostNames,
    response::Media,
    route::{Route, route},
};

/// The question of a path of /api.
fn question(target: &str) -> StatusQuestion {
    let request = hyper::Request::builder()
        .uri(format!("/api/v1/{target}"))
        .header("Host", "localhost");
    let head = request.body(()).unwrap().into_parts().0;
    match route(&head, &HostNames::default()) {
        Ok(Route::Asked(question)) => question,
        other => panic!("{target}: {other:?}"),
    }
}

fn kept(body: &str, lasts: Duration) -> KeptReply {
    KeptReply {
        reply: Arc::new(HttpReply::ok(Media::Text, body.to_owned())),
        ends: Instant::now() + lasts,
    }
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn who_asks_the_same_waits_for_one_answer() {
    let (desk, asked) = Desk::new();
    let desk = Arc::new(desk);
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move { desk.ask(question("status")).await })
        })
        .collect();
    // All of them get there.
    tokio::task::yield_now().await;
    let one = asked.recv().unwrap();
    assert!(asked.try_recv().is_err(), "the worker is asked once");
    desk.keep(one, kept("first", LONG));
    for waited in waiting {
        assert_eq!(&waited.await.unwrap().body[..], b"first");
    }
    assert_eq!(&desk.ask(question("status")).await.body[..], b"first");
    assert!(asked.try_recv().is_err(), "it is kept");

    desk.keep(question("status"), kept("old", Duration::ZERO));
    let again = tokio::spawn({
        let desk = Arc::clone(&desk);
        async move { desk.ask(question("status")).await }
    });
    tokio::task::yield_now().await;
    desk.keep(asked.recv().unwrap(), kept("second", LONG));
    assert_eq!(
        &again.await.unwrap().body[..],
        b"second",
        "what is over is asked anew"
    );
}

#[tokio::test]
async fn many_different_questions_are_refused() {
    let (desk, _asked) = Desk::new();
    let desk = Arc::new(desk);
    for days in 1..=limits::QUESTIONS {
        let desk = Arc::clone(&desk);
        let asked = question(&format!("history?days={days}"));
        tokio::spawn(async move { desk.ask(asked).await });
    }
    tokio::task::yield_now().await;
    let refused = desk.ask(question("history?days=400")).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    let response = HttpReply::clone(&refused).into_response();
    assert!(
        response.headers().contains_key("retry-after"),
        "{response:?}"
    );
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let (desk, _asked) = Desk::new();
    let body = "x".repeat(1 << 20);
    for days in 1..=400 {
        let lasts = LONG + Duration::from_secs(days);
        desk.keep(
            question(&format!("history?days={days}")),
            kept(&body, lasts),
        );
    }
    let replies = desk.lock();
    let bytes: usize = replies.kept.values().map(|kept| kept.reply.size()).sum();
    assert!(
        bytes <= limits::KEPT_BYTES && bytes > limits::KEPT_BYTES / 2,
        "{bytes}"
    );
    assert!(
        replies.kept.contains_key(&question("history?days=400")),
        "the last one stays"
    );
    drop(replies);
    for days in 1..=400 {
        desk.keep(question(&format!("failures?days={days}")), kept("", LONG));
    }
    assert!(desk.lock().kept.len() <= limits::KEPT);
}
