//! Collectors that are asked all at once. Whoever lets the others wait is named.

use std::{collections::BTreeMap, future::Future, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

/// Is told whose answers are missing.
pub(crate) type WaitNote = fn(&str);

/// After so long it is said who is waited for,
const SILENT: Duration = Duration::from_secs(2);
/// and again each time that so long has passed.
const AGAIN: Duration = Duration::from_secs(60);

/// Waits for the answers of all that are asked, each by its name, and gives them in the order of the questions.
pub(crate) async fn answers_of<T>(
    asked: impl IntoIterator<Item = (String, impl Future<Output = T>)>,
    note: WaitNote,
) -> Vec<T> {
    let mut awaited = BTreeMap::new();
    let mut asking = FuturesUnordered::new();
    for (place, (name, question)) in asked.into_iter().enumerate() {
        awaited.insert(place, name);
        asking.push(async move { (place, question.await) });
    }
    let mut answers = BTreeMap::new();
    let mut next_note = Instant::now() + SILENT;
    loop {
        tokio::select! {
            answered = asking.next() => match answered {
                Some((place, answer)) => {
                    awaited.remove(&place);
                    answers.insert(place, answer);
                }
                None => return answers.into_values().collect(),
            },
            () = sleep_until(next_note) => {
                let names: Vec<&str> = awaited.values().map(String::as_str).collect();
                note(&format!("waiting for {}", names.join(", ")));
                next_note = Instant::now() + AGAIN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[tokio::test(start_paused = true)]
    async fn who_is_waited_for() {
        let asked = [("slow", 70), ("quick", 1), ("late", 3)].map(|(name, seconds)| {
            let answer = async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                name
            };
            (name.to_owned(), answer)
        });
        let note = |text: &str| NOTES.lock().unwrap().push(text.to_owned());
        let answers = answers_of(asked, note).await;
        assert_eq!(answers, ["slow", "quick", "late"]);
        assert_eq!(
            *NOTES.lock().unwrap(),
            ["waiting for slow, late", "waiting for slow"]
        );
    }
}
