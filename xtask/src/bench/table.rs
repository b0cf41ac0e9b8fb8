//! Tables of text whose columns line up.

/// A column's head, and on which side its cells stand.
#[derive(Debug, Clone)]
pub(super) struct Column {
    head: String,
    is_number: bool,
}

impl Column {
    pub(super) fn text(head: impl Into<String>) -> Self {
        Self {
            head: head.into(),
            is_number: false,
        }
    }

    pub(super) fn number(head: impl Into<String>) -> Self {
        Self {
            head: head.into(),
            is_number: true,
        }
    }
}

/// A table: rows of as many cells as there are columns.
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// For a terminal.
    pub(super) fn show(&self) -> String {
        let heads: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.head.clone())
            .collect();
        let mut text = self.line(&heads, "  ");
        for row in &self.rows {
            text.push_str(&self.line(row, "  "));
        }
        text
    }

    /// As Markdown.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let heads: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.head.clone())
            .collect();
        let sides: Vec<String> = self
            .columns
            .iter()
            .map(|column| if column.is_number { "---:" } else { "---" }.to_owned())
            .collect();
        let mut text = line(&heads) + &line(&sides);
        for row in &self.rows {
            text.push_str(&line(row));
        }
        text
    }

    fn line(&self, cells: &[String], between: &str) -> String {
        let mut line = String::new();
        for (place, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            let width = self.width(place);
            if place > 0 {
                line.push_str(between);
            }
            if column.is_number {
                line.push_str(&format!("{cell:>width$}"));
            } else {
                line.push_str(&format!("{cell:<width$}"));
            }
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }

    fn width(&self, place: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(place));
        let head = self.columns.get(place).map(|column| &column.head);
        cells
            .chain(head)
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(vec![
            Column::text("what"),
            Column::number("é"),
            Column::text("met"),
        ]);
        table.row(vec!["a".into(), "1,000".into(), "yes".into()]);
        table.row(vec!["longer".into(), "7".into(), String::new()]);
        assert_eq!(
            table.show(),
            "what        é  met\na       1,000  yes\nlonger      7\n"
        );
        assert_eq!(
            table.markdown(),
            "| what | é | met |\n| --- | ---: | --- |\n| a | 1,000 | yes |\n| longer | 7 |  |\n"
        );
    }
}
