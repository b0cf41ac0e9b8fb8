//! Goals: what a figure must stay below.

use serde_json::{Value, json};

use super::table::{Column, Table};

/// One figure and its limit.
#[derive(Debug, Clone)]
pub(super) struct Goal {
    what: String,
    value: f64,
    limit: f64,
    /// How the two are written.
    show: fn(f64) -> String,
}

impl Goal {
    /// The figure must be below the limit.
    pub(super) fn below(
        what: impl Into<String>,
        value: f64,
        limit: f64,
        show: fn(f64) -> String,
    ) -> Self {
        Self {
            what: what.into(),
            value,
            limit,
            show,
        }
    }

    pub(super) fn is_met(&self) -> bool {
        self.value < self.limit
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "goal": self.what,
            "value": self.value,
            "limit": self.limit,
            "met": self.is_met(),
        })
    }
}

/// All of them, one a line.
pub(super) fn table(goals: &[Goal]) -> Table {
    let mut table = Table::new(vec![
        Column::text("goal"),
        Column::number("is"),
        Column::number("below"),
        Column::text("met"),
    ]);
    for goal in goals {
        table.row(vec![
            goal.what.clone(),
            (goal.show)(goal.value),
            (goal.show)(goal.limit),
            if goal.is_met() { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::figures::whole;
    use super::*;

    #[test]
    fn a_goal_is_met_below_its_limit_only() {
        assert!(Goal::below("a", 599.0, 600.0, whole).is_met());
        let missed = Goal::below("b", 600.0, 600.0, whole);
        assert!(!missed.is_met());
        assert!(!Goal::below("c", f64::NAN, 600.0, whole).is_met());
        assert!(table(&[missed]).show().ends_with("b     600    600  NO\n"));
    }
}
