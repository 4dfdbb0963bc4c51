//! Variables, computed values and conditions, component by component.
//!
//! What a computed value comes to depends on the size of the picture at that place of the chain, so whoever works out
//! the sizes asks for one component after the other.

use super::conditions::Condition;
use super::error::quotable;
use super::expressions::{self, Scope, Value, is_name};
use super::parameters::Parameter;
use super::{Component, MAX_TRANSFORMATION_CHARS, TransformationError};

/// `$name_value`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Letters and digits.
    pub name: String,
    /// What it is set to, as written.
    pub value: String,
}

/// A parameter whose value is computed when the picture's size is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Computed {
    /// What stands before the underscore.
    pub key: &'static str,
    /// What stands after it, as written.
    pub value: String,
}

/// Walks along a chain and says what of each component is to be done.
#[derive(Debug, Clone, Default)]
pub struct Evaluator<'a> {
    /// What is known of the asset, and the variables so far. The size is to be set before each step.
    pub scope: Scope<'a>,
    /// For each open block whether it is carried out, and whether a branch of it was.
    blocks: Vec<Block>,
    /// What the condition of the component before came to, if it covered only that component.
    single: Option<bool>,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    is_active: bool,
    was_active: bool,
}

impl<'a> Evaluator<'a> {
    /// Begins before the first component.
    pub fn new(scope: Scope<'a>) -> Self {
        Self {
            scope,
            ..Self::default()
        }
    }

    /// The component with nothing left to compute; `None` when a condition leaves it out.
    ///
    /// # Errors
    ///
    /// A variable that is not set, a result that is no number, or a value that the parameter does not take.
    pub fn next(&mut self, component: &Component) -> Result<Option<Component>, TransformationError> {
        let bare = Component {
            condition: None,
            ..component.clone()
        };
        let is_alone = bare == Component::default();
        let single = self.single.take();
        let mut goes = true;
        match &component.condition {
            None => {}
            Some(Condition::If(test)) => {
                // What is skipped is not looked at: its variables may be missing.
                let holds = self.is_active() && self.holds(test)?;
                if is_alone {
                    let was_active = holds || !self.is_active();
                    self.blocks.push(Block {
                        is_active: holds,
                        was_active,
                    });
                } else {
                    goes = holds;
                    self.single = Some(holds);
                }
            }
            Some(Condition::Else) => match (single, self.blocks.last_mut()) {
                (Some(held), _) if !is_alone => goes = !held,
                (_, Some(block)) => {
                    block.is_active = !block.was_active;
                    block.was_active = true;
                }
                _ => {}
            },
            Some(Condition::End) => {
                self.blocks.pop();
            }
        }
        if is_alone || !goes || !self.is_active() {
            return Ok(None);
        }
        self.computed(bare).map(Some)
    }

    fn is_active(&self) -> bool {
        self.blocks.iter().all(|block| block.is_active)
    }

    fn holds(&self, test: &str) -> Result<bool, TransformationError> {
        expressions::holds(test, &self.scope).ok_or_else(|| invalid("condition", test))
    }

    fn computed(&mut self, mut component: Component) -> Result<Component, TransformationError> {
        for variable in std::mem::take(&mut component.variables) {
            let value = self.value(&variable.value)?;
            self.scope.variables.insert(variable.name, value);
        }
        for computed in std::mem::take(&mut component.computed) {
            let parameter = Parameter::by_key(computed.key).ok_or_else(|| invalid("parameter", computed.key))?;
            let text = self.substituted(&computed)?;
            parameter.read(&mut component, &text)?;
        }
        Ok(component)
    }

    /// What a variable is set to: an expression, or else a text with variables in it.
    fn value(&self, text: &str) -> Result<Value, TransformationError> {
        match expressions::evaluate(text, &self.scope) {
            Some(value) => Ok(value),
            None => self.with_variables(text).map(Value::Text),
        }
    }

    /// The value with what it computes in place.
    fn substituted(&self, computed: &Computed) -> Result<String, TransformationError> {
        let is_text = matches!(computed.key, "l" | "u");
        if is_text {
            return self.with_variables(&computed.value);
        }
        let parts = computed.value.split(':').map(|part| {
            if !expressions::is_expression(part) {
                return self.with_variables(part);
            }
            let value = expressions::evaluate(part, &self.scope).ok_or_else(|| invalid("expression", part))?;
            Ok(written(computed.key, part, &value))
        });
        Ok(parts.collect::<Result<Vec<_>, _>>()?.join(":"))
    }

    /// The text with `$(name)` and `$name` replaced by what the variables are; unknown ones stay as they are.
    fn with_variables(&self, text: &str) -> Result<String, TransformationError> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            result.push_str(before);
            let in_brackets = after.strip_prefix('(').and_then(|inside| inside.split_once(')'));
            let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
            let (name, remaining) = in_brackets.unwrap_or_else(|| after.split_at(end));
            if let Some(value) = self.scope.variables.get(name) {
                result.push_str(&value.text());
                rest = remaining;
            } else {
                result.push('$');
                rest = after;
            }
        }
        result.push_str(rest);
        // Texts that stand in texts could double at every step.
        if result.len() > MAX_TRANSFORMATION_CHARS {
            return Err(TransformationError::TooLong);
        }
        Ok(result)
    }
}

/// Sizes that were computed are whole pixels; what a variable was simply set to stays as it was written.
fn written(key: &str, expression: &str, value: &Value) -> String {
    match value {
        Value::Number(number) if matches!(key, "w" | "h" | "x" | "y" | "r" | "bo" | "pg" | "dn" | "dl" | "q" | "o") => {
            if is_bare_variable(expression) && number.fract() != 0.0 {
                number.to_string()
            } else {
                (number + 0.5).floor().to_string()
            }
        }
        other => other.text(),
    }
}

fn is_bare_variable(expression: &str) -> bool {
    expression.strip_prefix('$').is_some_and(is_name)
}

fn invalid(what: &'static str, value: &str) -> TransformationError {
    TransformationError::Invalid {
        what,
        value: quotable(value),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Transformation;
    use super::*;

    /// What is left of a chain for a picture of 1000 × 600 pixels with two faces and the tag `sale`.
    fn evaluate(text: &str) -> Result<String, TransformationError> {
        let tags = ["new".to_owned(), "sale".to_owned()];
        let context = BTreeMap::from([("k".to_owned(), "12.7".to_owned())]);
        let mut evaluator = Evaluator::new(Scope {
            size: (1000, 600),
            initial_size: (1000, 600),
            pages: 1,
            page: 1,
            faces: 2,
            tags: &tags,
            context: Some(&context),
            ..Scope::default()
        });
        let mut left = Vec::new();
        for component in &Transformation::parse(text)?.components {
            left.extend(evaluator.next(component)?);
        }
        left.retain(|component| *component != Component::default());
        Ok(Transformation { components: left }.to_string())
    }

    fn check(text: &str, left: &str) {
        assert_eq!(evaluate(text).as_deref(), Ok(left), "{text}");
    }

    #[test]
    fn sizes_are_computed_and_whole() {
        check("w_iw_div_2", "w_500");
        check("w_iw_div_3", "w_333");
        check("w_ih_mul_0.5_add_10", "w_310");
        check("w_10_add_2_mul_3", "w_16");
        check("w_2_pow_3_mul_2", "w_16");
        check("w_iw_mod_300", "w_100");
        check("ar_iar", "ar_5:3");
        check("c_crop,x_w_sub_990,y_-5", "c_crop,x_10,y_-5");
    }

    #[test]
    fn variables_hold_numbers_texts_and_facts() {
        check("$v_3,w_$v_mul_10", "w_30");
        check("$v_3/w_$v/$v_5/w_$v", "w_3/w_5");
        check("$f_0.5,w_$f", "w_0.5");
        check("$img_!logo!,l_$img", "l_logo");
        check(
            "$n_!Ann!,l_text:Arial_20:Hi $(n)$(other)",
            "l_text:Arial_20:Hi Ann%24(other)",
        );
        check("$x_ctx:!k!_to_i,w_$x", "w_12");
        check("r_10:40:$v:60,$v_7", "r_10:40:7:60");
        check("$w_4,bo_$w_solid_red", "bo_4px_solid_rgb:ff0000");
        assert!(evaluate("w_$missing").is_err());
        assert!(evaluate("$v_!x!,w_$v").is_err());
        assert!(evaluate("w_iw_div_0").is_err());
        assert!(evaluate("w_iw_sub_2000").is_err());
    }

    #[test]
    fn texts_do_not_double_without_end() {
        let mut chain = vec!["$a_!aaaaaaaaaaaaaaaa!".to_owned()];
        chain.extend((0..40).map(|_| "$a_$(a)$(a)".to_owned()));
        assert_eq!(evaluate(&chain.join("/")), Err(TransformationError::TooLong));
    }

    #[test]
    fn conditions_choose_components_and_blocks() {
        check("if_w_gt_300,w_300", "w_300");
        check("if_w_lt_300,w_300/if_else,w_10/r_5", "w_10/r_5");
        check("if_w_gt_300,w_300/if_else,w_10/r_5", "w_300/r_5");
        check("if_w_gt_300/w_300/r_1/if_else/w_10/if_end/r_5", "w_300/r_1/r_5");
        check("if_w_lt_300/w_300/r_1/if_else/w_10/if_end/r_5", "w_10/r_5");
        check(
            "if_w_lt_300/w_1/if_else/if_h_lt_300/w_2/if_else/w_3/if_end/if_end/r_5",
            "w_3/r_5",
        );
        check("if_w_lt_300/if_h_gt_300/w_1/if_else/w_2/if_end/if_end/r_5", "r_5");
        check("if_w_lt_300/w_1", "");
        check("if_fc_gte_2_and_!sale!_in_tags,w_1", "w_1");
        check("if_!sale:old!_in_tags,w_1/if_else,w_2", "w_2");
        check("if_tags_in_sale,w_1", "w_1");
        check("if_!sale!_nin_tags,w_1", "");
        check("if_ar_gt_3:4,w_1", "w_1");
        check("if_isdef_$v,w_1/$v_1/if_isdef_$v,w_2", "w_2");
        check("if_w_eq_1_and_h_eq_1_or_fc_eq_2,w_1", "w_1");
        check("if_w_lt_300/w_$missing/if_end/r_1", "r_1");
    }
}
