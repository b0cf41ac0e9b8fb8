//! The second engine: `rsigma-eval`.

use anyhow::{Context as _, Result};
use rsigma_eval::{CompiledRule, JsonEvent, compile_rule, evaluate_rule};
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, FieldSpec, Modifier, SelectorPattern, SigmaRule,
    SigmaValue,
};
use serde_json::Value as Json;

/// A field that no event has.
const NOWHERE: &str = "a field that no event has";

/// A rule in the second engine.
pub struct Second {
    rule: SigmaRule,
    compiled: CompiledRule,
}

impl Second {
    /// Takes a rule.
    ///
    /// # Errors
    ///
    /// Why it does not take it.
    pub fn new(rule: SigmaRule) -> Result<Self> {
        let compiled = compile_rule(&rule)?;
        Ok(Self { rule, compiled })
    }

    /// Whether the rule matches an event.
    pub fn matches(&self, event: &Json) -> bool {
        evaluate_rule(&self.compiled, &JsonEvent::borrow(event)).is_some()
    }

    /// Whether the rule matches an event if some of its questions are answered otherwise. None if none
    /// is.
    ///
    /// # Errors
    ///
    /// The engine does not take the changed rule.
    pub fn matches_if(
        &self,
        event: &Json,
        answer: &dyn Fn(&DetectionItem) -> Option<bool>,
    ) -> Result<Option<bool>> {
        let mut rule = self.rule.clone();
        let mut changed = false;
        for detection in rule.detection.named.values_mut() {
            changed |= answered(detection, answer);
        }
        if !changed {
            return Ok(None);
        }
        let compiled = compile_rule(&rule).context("a question was replaced by its answer")?;
        Ok(Some(
            evaluate_rule(&compiled, &JsonEvent::borrow(event)).is_some(),
        ))
    }

    /// The same rule, but that `of *` leaves out the selections whose names begin with `_`, as `of them`
    /// does. None if that makes no difference.
    ///
    /// # Errors
    ///
    /// The engine does not take the changed rule.
    pub fn without_own_selections(&self) -> Result<Option<Self>> {
        let mut rule = self.rule.clone();
        let mut changed = false;
        for condition in &mut rule.detection.conditions {
            changed |= leave_own_out(condition);
        }
        if !changed {
            return Ok(None);
        }
        Self::new(rule).map(Some)
    }

    /// The rule.
    pub fn rule(&self) -> &SigmaRule {
        &self.rule
    }
}

/// Makes `them` of each `*`: whether there was one.
fn leave_own_out(condition: &mut ConditionExpr) -> bool {
    match condition {
        ConditionExpr::Identifier(_) => false,
        ConditionExpr::Not(part) => leave_own_out(part),
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => {
            let mut changed = false;
            for part in parts {
                changed |= leave_own_out(part);
            }
            changed
        }
        ConditionExpr::Selector { pattern, .. } => {
            let star = matches!(pattern, SelectorPattern::Pattern(pattern) if pattern == "*");
            if star {
                *pattern = SelectorPattern::Them;
            }
            star
        }
    }
}

/// Replaces questions by their answers: whether any was.
fn answered(detection: &mut Detection, answer: &dyn Fn(&DetectionItem) -> Option<bool>) -> bool {
    match detection {
        Detection::AllOf(items) => {
            let mut changed = false;
            for item in items {
                if let Some(answer) = answer(item) {
                    *item = constant(answer);
                    changed = true;
                }
            }
            changed
        }
        Detection::AnyOf(parts) | Detection::And(parts) => {
            let mut changed = false;
            for part in parts {
                changed |= answered(part, answer);
            }
            changed
        }
        Detection::Keywords(values) => {
            let item = DetectionItem {
                field: FieldSpec::new(None, Vec::new()),
                values: values.clone(),
            };
            let Some(answer) = answer(&item) else {
                return false;
            };
            *detection = Detection::AllOf(vec![constant(answer)]);
            true
        }
        // Extensions of that engine; Sigma 2.1 has neither.
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => false,
    }
}

/// A question that is always answered like this.
fn constant(answer: bool) -> DetectionItem {
    DetectionItem {
        field: FieldSpec::new(Some(NOWHERE.to_owned()), vec![Modifier::Exists]),
        values: vec![SigmaValue::Bool(!answer)],
    }
}
