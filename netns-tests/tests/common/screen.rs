//! A terminal, as far as a line editor uses one: what a person sees, lines that scrolled away included.

/// Columns of it.
pub(crate) const COLUMNS: usize = 120;

/// All lines since the beginning, and the cursor.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    escape: Option<String>,
}

impl Screen {
    /// Takes one character of output.
    pub(crate) fn put(&mut self, c: char) {
        if let Some(escape) = &mut self.escape {
            escape.push(c);
            let whole = match escape.chars().next() {
                Some('[') => escape.len() > 1 && ('@'..='~').contains(&c),
                _ => true,
            };
            if whole {
                let sequence = self.escape.take().unwrap_or_default();
                self.control(&sequence);
            }
            return;
        }
        match c {
            '\x1b' => self.escape = Some(String::new()),
            '\r' => self.column = 0,
            '\n' => self.row += 1,
            '\x08' => self.column = self.column.saturating_sub(1),
            '\t' => self.column = (self.column / 8 + 1) * 8,
            c if c < ' ' => {}
            c => {
                if self.column == COLUMNS {
                    self.column = 0;
                    self.row += 1;
                }
                let column = self.column;
                let line = self.line();
                if line.len() <= column {
                    line.resize(column + 1, ' ');
                }
                line[column] = c;
                self.column += 1;
            }
        }
    }

    fn line(&mut self) -> &mut Vec<char> {
        if self.lines.len() <= self.row {
            self.lines.resize(self.row + 1, Vec::new());
        }
        &mut self.lines[self.row]
    }

    /// ECMA-48: cursor and erase. Colours and modes change nothing that is compared.
    fn control(&mut self, sequence: &str) {
        let Some(rest) = sequence.strip_prefix('[') else { return };
        let Some(last) = rest.chars().last() else { return };
        let number: usize = rest[..rest.len() - 1].parse().unwrap_or(0);
        let step = number.max(1);
        match last {
            'A' => self.row = self.row.saturating_sub(step),
            'B' => self.row += step,
            'C' => self.column = (self.column + step).min(COLUMNS),
            'D' => self.column = self.column.saturating_sub(step),
            'G' => self.column = step - 1,
            'K' => {
                let column = self.column;
                match number {
                    0 => self.line().truncate(column),
                    _ => self.line().clear(),
                }
            }
            'J' => {
                let column = self.column;
                self.line().truncate(column);
                let row = self.row;
                self.lines.truncate(row + 1);
            }
            _ => {}
        }
    }

    /// The line with the cursor, up to it.
    pub(crate) fn here(&self) -> String {
        let line = self.lines.get(self.row).map(Vec::as_slice).unwrap_or_default();
        let mut text: String = line.iter().take(self.column).collect();
        text.extend(std::iter::repeat_n(' ', self.column.saturating_sub(line.len())));
        text
    }

    /// Everything, without blanks at the ends of lines.
    pub(crate) fn text(&self) -> String {
        let lines =
            self.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned() + "\n");
        lines.collect()
    }
}

#[test]
fn a_line_that_is_drawn_again_is_seen_once() {
    let mut screen = Screen::default();
    "bed:1 # s\r\x1b[Kbed:1 # sh\r\x1b[9C\n\rdone\x1b[1;32m!\x1b[0m\r\n".chars().for_each(|c| screen.put(c));
    assert_eq!(screen.text(), "bed:1 # sh\ndone!\n");
    assert_eq!(screen.here(), "");
}
