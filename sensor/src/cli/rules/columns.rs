//! Text in columns, each as wide as the widest that is in it.

use unicode_width::UnicodeWidthStr as _;

/// Lines of columns. Control characters are shown as `?`.
pub(super) fn columns<const COUNT: usize>(rows: &[[String; COUNT]]) -> String {
    let clean = |text: &String| text.replace(char::is_control, "?");
    let rows: Vec<[String; COUNT]> = rows.iter().map(|row| row.each_ref().map(clean)).collect();
    let mut widths = [0; COUNT];
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = text.width().max(*width);
        }
    }
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (text, width) in row.iter().zip(widths) {
            line.push_str(text);
            let missing = width - text.width();
            line.extend(std::iter::repeat_n(' ', missing + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must() {
        let rows = [["id", "title"], ["1234", "ä\n"], ["", "日本"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "id    title\n1234  ä?\n      日本\n");
    }
}
