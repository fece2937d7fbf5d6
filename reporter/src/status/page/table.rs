//! Tables that scroll within themselves where they are too wide.

use maud::{Markup, html};

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// Text.
    Text,
    /// Numbers, to the right.
    Number,
}

/// A table: `id` is its own on the page; rows are `tr` elements.
pub(super) fn table(id: &str, caption: &str, head: &[(&str, ColumnKind)], rows: Markup) -> Markup {
    let caption_id = format!("{id}-caption");
    html! {
        div class="scroll" role="region" tabindex="0" aria-labelledby=(caption_id) {
            table {
                caption id=(caption_id) { (caption) }
                thead { tr {
                    @for (name, kind) in head {
                        th scope="col" class=[class(*kind)] { (name) }
                    }
                } }
                tbody { (rows) }
            }
        }
    }
}

fn class(kind: ColumnKind) -> Option<&'static str> {
    (kind == ColumnKind::Number).then_some("number")
}
