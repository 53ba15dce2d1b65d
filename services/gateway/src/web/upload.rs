//! Uploads: what a form with files in it sends, read beside [`form`](super::form) and by the same rules.
//!
//! The token stands first in such a form: what follows is not even looked at where it is not ours. Files may be
//! longer than a form and take longer, so there are only so many at once, and so many of one person.

use std::time::Duration;

use api::options::v1::Role;
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use multer::{Constraints, Multipart, SizeLimit};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    desk::Desk,
    form::{came_from_here, is_token},
    problem::Problem,
    visitor::Visitor,
};
use crate::{
    places::{Place, Places},
    principal::rank,
};

/// What a form with files in it sent, in its order, without the token.
pub struct Uploaded {
    /// Its fields.
    pub parts: Vec<Part>,
    /// There was more than is ever taken in: the rest was thrown away.
    pub too_much: bool,
    _place: Place<Uuid>,
}

/// One field, or one file.
pub struct Part {
    /// The field's name.
    pub field: String,
    /// The file's name; empty where it is no file, or none was chosen.
    pub file_name: String,
    /// What is in it, up to [`MOST_OF_PART`]. It may be a private key.
    pub content: Zeroizing<Vec<u8>>,
}

impl Part {
    /// What somebody typed.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(String::from_utf8_lossy(&self.content).into_owned())
    }
}

impl Uploaded {
    /// The first field of this name that is no file.
    pub fn text(&self, field: &str) -> Option<Zeroizing<String>> {
        let part = self.parts.iter().find(|part| part.field == field);
        part.map(Part::text)
    }
}

/// Places for uploads, which take memory until they are done with.
pub fn places() -> Places<Uuid> {
    Places::new("uploads at once", MOST_AT_ONCE, MOST_AT_ONCE_EACH)
}

impl FromRequest<Desk> for Uploaded {
    type Rejection = Problem;

    async fn from_request(request: Request, desk: &Desk) -> Result<Uploaded, Problem> {
        // Step 1: another site's is not even read.
        came_from_here(request.headers(), request.uri())?;
        let boundary = boundary(request.headers())?;
        let visitor = request.extensions().get::<Visitor>().cloned();
        let visitor = visitor.ok_or(Problem::Stale)?;
        // Step 2: he may, and there is room for it. Strangers have none.
        let session = visitor.session.as_ref().ok_or(Problem::Stale)?;
        if rank(session.role) < rank(Role::Operator) {
            return Err(Problem::Refused(NOT_HIS.to_owned()));
        }
        let place = desk.uploads.take(session.user).ok_or(Problem::Busy)?;
        // Step 3: no slower than it may be, and only where its token is ours.
        let (parts, too_much) = received(request.into_body(), boundary, &visitor).await?;
        Ok(Uploaded {
            parts,
            too_much,
            _place: place,
        })
    }
}

fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    multer::parse_boundary(media_type.unwrap_or_default()).map_err(|_| Problem::NotAForm)
}

async fn received(
    body: Body,
    boundary: String,
    visitor: &Visitor,
) -> Result<(Vec<Part>, bool), Problem> {
    let read = read(body, boundary, visitor);
    let read = tokio::time::timeout(LONGEST_WAIT, read).await;
    read.map_err(|_| Problem::TooSlow)?
}

async fn read(
    body: Body,
    boundary: String,
    visitor: &Visitor,
) -> Result<(Vec<Part>, bool), Problem> {
    let most = SizeLimit::new().whole_stream(MOST_BYTES);
    let constraints = Constraints::new().size_limit(most);
    let stream = body.into_data_stream();
    let mut multipart = Multipart::with_constraints(stream, boundary, constraints);
    let token = next(&mut multipart).await?.ok_or(Problem::Stale)?;
    if token.field != "token" || !is_token(&token.content, visitor.form, visitor.session_id()) {
        return Err(Problem::Stale);
    }
    let (mut parts, mut kept, mut too_much) = (Vec::new(), 0, false);
    while let Some(part) = next(&mut multipart).await? {
        kept += part.content.len();
        too_much |= kept > MOST_KEPT || parts.len() == MOST_PARTS;
        if !too_much {
            parts.push(part);
        }
    }
    Ok((parts, too_much))
}

async fn next(multipart: &mut Multipart<'_>) -> Result<Option<Part>, Problem> {
    let Some(mut field) = multipart.next_field().await.map_err(problem)? else {
        return Ok(None);
    };
    let mut content = Zeroizing::new(Vec::new());
    while let Some(chunk) = field.chunk().await.map_err(problem)? {
        // What is longer is thrown away: who is asked to read it says that it is too long.
        let room = MOST_OF_PART - content.len();
        content.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(Some(Part {
        field: field.name().unwrap_or_default().to_owned(),
        file_name: field.file_name().unwrap_or_default().to_owned(),
        content,
    }))
}

/// The parser's words may show what was sent.
fn problem(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamSizeExceeded { .. } => Problem::TooLong,
        _ => Problem::Unreadable,
    }
}

/// Of a file: half as much again as may be imported, so that one that is too long is told so by who imports.
const MOST_OF_PART: usize = 3 << 19;

/// Of all files together: what may be imported, and what else is in a form.
const MOST_KEPT: usize = 12 << 20;

const MOST_PARTS: usize = 400;

/// The longest upload that is read to its end, so that its browser sees the answer.
pub const MOST_BYTES: u64 = 32 << 20;

/// For the whole upload, once its headers are here.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

const NOT_HIS: &str = "viewers change nothing: ask an operator";

const MOST_AT_ONCE: usize = 8;
const MOST_AT_ONCE_EACH: usize = 2;

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, net::IpAddr};

    use bytes::Bytes;
    use futures_util::{StreamExt, stream};

    use super::*;
    use crate::{
        code::Code, commands::Visit, connections::network, sign_in::Whence, web::form::token,
    };

    fn visitor() -> Visitor {
        let address = IpAddr::from([127, 0, 0, 1]);
        let visit = Visit {
            address,
            user_agent: String::new(),
            by_itself: false,
        };
        Visitor {
            session: None,
            counts: None,
            past: None,
            place: None,
            form: Code::generate().unwrap().digest(),
            half_way: None,
            whence: Whence {
                visit,
                network: network(address),
                browser: None,
            },
        }
    }

    fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
        let mut form = Vec::new();
        for (name, content) in fields {
            let head = format!(
                "--x\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n"
            );
            form.extend_from_slice(head.as_bytes());
            form.extend_from_slice(content);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(b"--x--\r\n");
        form
    }

    async fn receive(visitor: &Visitor, form: Vec<u8>) -> Result<(Vec<Part>, bool), Problem> {
        received(Body::from(form), "x".to_owned(), visitor).await
    }

    #[tokio::test]
    async fn the_token_stands_first_or_nothing_is_read() {
        let visitor = visitor();
        let token = token(visitor.form, None);
        let ours: [(&str, &[u8]); 2] = [("token", token.as_bytes()), ("files", b"one")];
        let (parts, too_much) = receive(&visitor, form(&ours)).await.unwrap();
        assert!(!too_much);
        let part = &parts[..][0];
        assert_eq!(
            (&*part.field, &*part.file_name, &**part.content),
            ("files", "a", &b"one"[..])
        );
        for others in [
            form(&[("files", b"one"), ("token", token.as_bytes())]),
            form(&[("token", b"AAAA"), ("files", b"one")]),
            form(&[("token", &token.as_bytes()[1..])]),
            form(&[("token", b"")]),
            form(&[]),
        ] {
            let refused = receive(&visitor, others).await;
            assert!(matches!(refused, Err(Problem::Stale)));
        }
    }

    #[tokio::test]
    async fn a_file_that_is_too_long_is_cut_and_what_is_too_much_is_thrown_away() {
        let visitor = visitor();
        let token = token(visitor.form, None);
        let long = vec![7; MOST_OF_PART + 1_000];
        let one: [(&str, &[u8]); 3] = [
            ("token", token.as_bytes()),
            ("files", &long),
            ("pasted", b"text"),
        ];
        let (parts, too_much) = receive(&visitor, form(&one)).await.unwrap();
        assert_eq!(parts[0].content.len(), MOST_OF_PART);
        assert_eq!(&**parts[1].content, b"text");
        assert!(!too_much);
        let mut many = vec![("token", token.as_bytes())];
        many.extend(std::iter::repeat_n(("files", &long[..]), 9));
        let (parts, too_much) = receive(&visitor, form(&many)).await.unwrap();
        assert!(too_much);
        assert_eq!(parts.len(), 8, "what there was before is kept");
        let mut many = vec![("token", token.as_bytes())];
        many.extend(std::iter::repeat_n(("files", &b""[..]), MOST_PARTS + 1));
        let (parts, too_much) = receive(&visitor, form(&many)).await.unwrap();
        assert!(too_much && parts.len() == MOST_PARTS);
    }

    #[tokio::test]
    async fn what_has_no_end_is_broken_off() {
        let visitor = visitor();
        let token = token(visitor.form, None);
        let mut begun = form(&[("token", token.as_bytes()), ("files", b"")]);
        begun.truncate(begun.len() - 9);
        let begun = stream::iter([Bytes::from(begun)]);
        let more = stream::repeat(Bytes::from(vec![7; 1 << 20]));
        let endless = begun.chain(more).map(Ok::<_, Infallible>);
        let body = Body::from_stream(endless);
        let broken = received(body, "x".to_owned(), &visitor).await;
        assert!(matches!(broken, Err(Problem::TooLong)));
        let cut = [("token", token.as_bytes()), ("files", &b"one"[..])];
        let mut cut = form(&cut);
        cut.truncate(cut.len() - 12);
        let broken = receive(&visitor, cut).await;
        assert!(matches!(broken, Err(Problem::Unreadable)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_slowly_is_not_waited_for() {
        let visitor = visitor();
        let token = token(visitor.form, None);
        let mut begun = form(&[("token", token.as_bytes()), ("files", b"")]);
        begun.truncate(begun.len() - 9);
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from(begun))]);
        let slow = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(9)).await;
            Some((Ok(Bytes::from_static(b"7")), ()))
        });
        let body = Body::from_stream(begun.chain(slow));
        let broken = received(body, "x".to_owned(), &visitor).await;
        assert!(matches!(broken, Err(Problem::TooSlow)));
    }
}
