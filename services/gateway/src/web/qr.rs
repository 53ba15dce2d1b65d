//! A QR code as a path of an inline SVG: no script, no picture file.

use qrcode::{Color, EcLevel, QrCode, types::QrError};

/// What a camera reads.
pub struct Picture {
    /// Modules on each side, with the quiet zone around (ISO/IEC 18004: four).
    pub side: usize,
    /// The dark ones, as the `d` of a path in these units. Secret, where the text is.
    pub path: String,
}

/// The picture of a text.
///
/// # Errors
/// When it is too long for any.
pub fn picture(text: &str) -> Result<Picture, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let width = code.width();
    let modules = code.to_colors();
    let mut path = String::new();
    for (y, row) in modules.chunks(width).enumerate() {
        let mut x = 0;
        // Neighbours in a row are one rectangle.
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] == Color::Dark {
                let (left, top, length) = (x + QUIET, y + QUIET, run.len());
                path.push_str(&format!("M{left} {top}h{length}v1h-{length}z"));
            }
            x += run.len();
        }
    }
    Ok(Picture {
        side: width + 2 * QUIET,
        path,
    })
}

const QUIET: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_once() {
        let text = "otpauth://totp/Chancery:rosa?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
        let picture = picture(text).unwrap();
        let (side, mut drawn) = (picture.side, vec![false; picture.side * picture.side]);
        for run in picture.path.split('M').skip(1) {
            let (at, rest) = run.split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let length: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            for x in x.parse::<usize>().unwrap()..x.parse::<usize>().unwrap() + length {
                let module = &mut drawn[y.parse::<usize>().unwrap() * side + x];
                assert!(!*module);
                *module = true;
            }
        }
        for y in 0..code.width() {
            for x in 0..code.width() {
                let dark = code[(x, y)] == Color::Dark;
                assert_eq!(drawn[(y + QUIET) * side + x + QUIET], dark, "{x} {y}");
            }
        }
        let dark = code
            .to_colors()
            .iter()
            .filter(|c| **c == Color::Dark)
            .count();
        assert_eq!(drawn.iter().filter(|drawn| **drawn).count(), dark);
    }
}
