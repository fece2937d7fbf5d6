//! The suppression list, and what adds to it.

use std::sync::Arc;

use super::{PostgresStore, unfinished};
use crate::{
    store::{StoreError, SuppressionSource},
    suppress::Suppressions,
};

impl SuppressionSource for PostgresStore {
    fn suppressions(&mut self) -> Result<Arc<Suppressions>, StoreError> {
        unfinished()
    }
}
