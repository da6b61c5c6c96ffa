//! The machine of the chassis, row by row.
