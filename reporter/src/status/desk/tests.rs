use std::time::Duration;

use hyper::StatusCode;
use tokio::task::JoinHandle;

use super::*;
use crate::status::{
    host::HostNames,
    response::Media,
    route::{Route, route},
};

/// The question of a path of /api.
fn question(target: &str) -> StatusQuestion {
    asked_at(&format!("/api/v1/{target}"))
}

fn asked_at(target: &str) -> StatusQuestion {
    let request = hyper::Request::builder()
        .uri(target)
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

/// Somebody asks, and waits.
async fn asks(desk: &Arc<Desk>, question: StatusQuestion) -> JoinHandle<Arc<HttpReply>> {
    let desk = Arc::clone(desk);
    let asking = tokio::spawn(async move { desk.ask(question).await });
    tokio::task::yield_now().await;
    asking
}

fn waiting(desk: &Desk) -> usize {
    let replies = desk.lock();
    replies.few.len() + replies.many.len()
}

#[tokio::test]
async fn who_asks_the_same_waits_for_one_answer() {
    let desk = Arc::new(Desk::default());
    let mut all = Vec::new();
    for _ in 0..100 {
        all.push(asks(&desk, question("status")).await);
    }
    let one = desk.next_question();
    assert_eq!(waiting(&desk), 0, "the worker is asked once");
    desk.keep(one, kept("first", LONG));
    for waited in all {
        assert_eq!(&waited.await.unwrap().body[..], b"first");
    }
    assert_eq!(&desk.ask(question("status")).await.body[..], b"first");
    assert_eq!(waiting(&desk), 0, "it is kept");

    desk.keep(question("status"), kept("old", Duration::ZERO));
    let again = asks(&desk, question("status")).await;
    desk.keep(desk.next_question(), kept("second", LONG));
    assert_eq!(
        &again.await.unwrap().body[..],
        b"second",
        "what is over is asked anew"
    );
}

/// As many as may wait.
async fn crowd(desk: &Arc<Desk>) -> Vec<JoinHandle<Arc<HttpReply>>> {
    let mut all = Vec::new();
    for days in 1..=limits::QUESTIONS {
        all.push(asks(desk, question(&format!("history?days={days}"))).await);
    }
    all
}

#[tokio::test]
async fn many_different_questions_are_refused() {
    let desk = Arc::new(Desk::default());
    let _crowd = crowd(&desk).await;
    let refused = desk.ask(question("history?days=400")).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    let response = HttpReply::clone(&refused).into_response();
    assert!(
        response.headers().contains_key("retry-after"),
        "{response:?}"
    );
}

#[tokio::test]
async fn what_monitoring_asks_goes_before_the_crowd() {
    let desk = Arc::new(Desk::default());
    let _crowd = crowd(&desk).await;
    for path in ["/metrics", "/health", "/health?check", "/", "/?days=90"] {
        let first = asked_at(path);
        let asking = asks(&desk, first.clone()).await;
        assert_eq!(desk.next_question(), first, "{path}");
        desk.keep(first, kept(path, LONG));
        assert_eq!(&asking.await.unwrap().body[..], path.as_bytes());
    }
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_asked() {
    let desk = Arc::new(Desk::default());
    for gone in crowd(&desk).await {
        gone.abort();
        assert!(gone.await.is_err());
    }
    let last = question("history?days=400");
    let _asking = asks(&desk, last.clone()).await;
    assert_eq!(waiting(&desk), 1, "those who have gone keep no place");
    let gone = asks(&desk, question("status")).await;
    gone.abort();
    assert!(gone.await.is_err());
    assert_eq!(desk.next_question(), last);
    let next = asks(&desk, question("history?days=2")).await;
    assert_eq!(
        desk.next_question(),
        question("history?days=2"),
        "the worker passes over what nobody waits for"
    );
    drop(next);
}

#[tokio::test]
async fn a_worker_that_does_not_come_back_is_noticed() {
    let desk = Arc::new(Desk::default());
    assert!(desk.works_within(Duration::ZERO), "nobody asks");
    let _asking = asks(&desk, question("status")).await;
    let taken = desk.next_question();
    assert!(desk.works_within(LONG), "it has time");
    assert!(!desk.works_within(Duration::ZERO), "its time is over");
    desk.keep(taken, kept("", LONG));
    assert!(desk.works_within(Duration::ZERO), "it came back");
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let desk = Desk::default();
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
