use super::*;

fn drawn(values: &[&[u64]]) -> String {
    let number = values.first().map_or(0, |values| values.len());
    let bars: Vec<String> = (1..=number)
        .map(|day| format!("2026-11-{day:02}"))
        .collect();
    let marks: Vec<(usize, String)> = (!bars.is_empty())
        .then(|| (0, "11-01".to_owned()))
        .into_iter()
        .collect();
    let series: Vec<Series> = values
        .iter()
        .map(|values| Series {
            name: "DANE".to_owned(),
            class: "dane",
            values: values.to_vec(),
        })
        .collect();
    plot(&Plot {
        id: "p",
        title: "Sessions".to_owned(),
        unit: "sessions a day",
        bars: &bars,
        marks: &marks,
        series: &series,
        unknown: &[],
    })
    .into_string()
}

#[test]
fn whatever_there_is_is_drawn() {
    for (values, bars, says, why) in [
        (&[][..], 0, "No days.", "no series"),
        (&[&[][..]][..], 0, "No days.", "no day"),
        (&[&[0, 0][..]][..], 0, "none on any day", "nothing counted"),
        (
            &[&[0, 1][..]][..],
            1,
            "the highest 1 on 2026-11-02",
            "one session",
        ),
        (
            &[&[1, u64::MAX][..], &[1, u64::MAX][..]][..],
            4,
            "the highest 18,446,744,073,709,551,615 on 2026-11-02",
            "more than a number can be",
        ),
        (
            &[&[3][..], &[1][..]][..],
            2,
            "the highest 4 on 2026-11-01",
            "stacked",
        ),
        (
            &[&[3, 4][..], &[1][..]][..],
            3,
            "the highest 4",
            "a series that is too short",
        ),
    ] {
        let svg = drawn(values);
        assert!(svg.contains(says), "{why}: {svg}");
        assert_eq!(
            svg.matches("z").count() - svg.matches("size").count(),
            bars,
            "{why}: {svg}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{why}: {svg}");
        assert_eq!(
            svg.matches("class=\"axis\" d=\"M44 166").count(),
            1,
            "{why}: an axis: {svg}"
        );
    }
}

#[test]
fn a_bar_stands_on_the_one_below() {
    let svg = drawn(&[&[5], &[5]]);
    // Of 400 x 190: 144 high, from 22 to 166; half of it each.
    assert!(svg.contains("94.0h") && svg.contains("22.0h"), "{svg}");
    assert_eq!(svg.matches("v72.0h").count(), 2, "{svg}");
}

#[test]
fn little_is_seen_beside_much() {
    let svg = drawn(&[&[1_000_000, 1]]);
    assert!(svg.contains("v0.8h"), "{svg}");
    assert!(
        sparkline(&[1, 1_000_000], &[], "x")
            .into_string()
            .contains("v1.0h")
    );
    assert!(!sparkline(&[0, 0], &[], "x").into_string().contains("h2.2"));
    assert!(
        sparkline(&[], &[], "x")
            .into_string()
            .contains("viewBox=\"0 0 0 20\"")
    );
}

#[test]
fn ticks_are_short() {
    for (tick, want) in [
        (0, "0"),
        (20_000, "20000"),
        (200_000, "200k"),
        (5_000_000, "5M"),
        (15_000_000, "15M"),
        (u64::MAX, "18.4E"),
    ] {
        assert_eq!(tick_text(tick), want);
    }
}

#[test]
fn what_is_not_known_is_not_drawn_as_nothing() {
    let bars = ["2026-11-01", "2026-11-02"].map(str::to_owned);
    let series = [Series {
        name: "DANE".to_owned(),
        class: "dane",
        values: vec![0, 5],
    }];
    let html = plot(&Plot {
        id: "p",
        title: "Sessions".to_owned(),
        unit: "sessions a day",
        bars: &bars,
        marks: &[],
        series: &series,
        unknown: &[true, false],
    });
    let html = html.into_string();
    assert!(
        html.contains("<path class=\"rest\" d=\"M44.0 22.0h175.00V166.0h-175.00z\">"),
        "{html}"
    );
    assert!(html.contains("Nothing is known of 1 of them."), "{html}");
    let spark = sparkline(&[0, 5], &[true, false], "x").into_string();
    assert_eq!(spark.matches("class=\"rest\"").count(), 1, "{spark}");
}
