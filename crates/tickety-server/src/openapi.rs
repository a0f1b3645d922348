//! The description of the API: OpenAPI 3.1, made of the routes and committed as `docs/openapi.json`.

use axum::http::{HeaderName, StatusCode, header};
use tickety_api::ErrorCode;
use tickety_core::issue::CloseReason;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::{ServerBuilder, ServerVariableBuilder};
use utoipa::openapi::{
    Components, Content, Header, HeaderBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{Modify, OpenApi as _, PartialSchema, ToSchema};

use crate::guard::SESSION_COOKIES;
use crate::problem;
use crate::request_id::X_REQUEST_ID;
use crate::routes::{batch, caches, comments, events, graph, history, issues, links, lists, stats, storage, stream};
use crate::server::API;
use crate::writing::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tickety",
        version = "1",
        description = "Issues over HTTP. What is true of all addresses is in docs/api.md.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        lists::list,
        lists::ready,
        lists::search,
        issues::show,
        issues::create,
        issues::update,
        issues::close,
        issues::reopen,
        issues::delete,
        comments::list,
        comments::add,
        comments::edit,
        comments::remove,
        links::list,
        links::add,
        links::remove,
        history::steps,
        history::fields,
        graph::graph,
        stats::stats,
        stats::problems,
        stats::schema,
        batch::apply,
        batch::get,
        events::page,
        events::stats,
        stream::follow,
        caches::stats,
        caches::entries,
        caches::clear,
        storage::questions::schema,
        storage::issues::issues,
        storage::issues::texts,
        storage::issues::references,
        storage::issues::unreadable,
        storage::questions::list,
        storage::questions::count,
        storage::questions::stats,
        storage::questions::graph,
        storage::questions::problems,
        storage::writes::submit,
        storage::writes::preview,
        storage::writes::recall,
        storage::log::events,
        storage::log::stats,
        storage::log::history
    ),
    components(schemas(problem::Written<'static>, tickety_api::Issue, tickety_api::IssueSummary)),
    modifiers(&WhatHoldsEverywhere)
)]
struct Document;

/// Returns the description as it is committed.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().expect("a description is made of texts");
    text.push('\n');
    text
}

/// What one issue is to another.
pub(crate) struct Relation;

impl PartialSchema for Relation {
    fn schema() -> RefOr<Schema> {
        let names = tickety_core::graph::Relation::ALL.map(tickety_core::graph::Relation::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for Relation {}

/// Why an issue is closed.
pub(crate) struct Reason;

impl PartialSchema for Reason {
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::Array(vec![Type::String, Type::Null]);
        let names = CloseReason::ALL.map(|reason| Some(reason.as_str())).into_iter().chain([None]);
        ObjectBuilder::new().schema_type(types).enum_values(Some(names)).into()
    }
}

impl ToSchema for Reason {}

/// What programs tell problems apart by.
pub(crate) struct Code;

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let names = ErrorCode::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for Code {}

/// What every operation takes and answers beside what is its own.
struct WhatHoldsEverywhere;

/// What may go wrong with every request.
const ALWAYS: &[u16] = &[400, 401, 403, 404, 409, 429, 500, 503, 504];

/// What else may go wrong with one that has a body, or writes.
const WRITING: &[u16] = &[412, 413, 415, 422, 507];

/// What may go wrong with a cursor.
const GONE: &[u16] = &[410];

/// The address of what happens as it happens.
const STREAM: &str = "/events/stream";

impl Modify for WhatHoldsEverywhere {
    fn modify(&self, document: &mut OpenApi) {
        let project = ServerVariableBuilder::new().default_value("main").description(Some("The name of a project"));
        let named = ServerBuilder::new().url(format!("{API}/projects/{{project}}")).parameter("project", project);
        let first = ServerBuilder::new().url(API).description(Some("The first project"));
        document.servers = Some(vec![first.build(), named.build()]);
        let components = document.components.get_or_insert_with(Default::default);
        for &status in ALWAYS.iter().chain(WRITING).chain(GONE) {
            components.responses.insert(response_name(status), problem_response(status).into());
        }
        document.security = Some(secure(components));
        for (path, item) in &mut document.paths.paths {
            let PathItem { get, post, patch, delete, .. } = item;
            match get {
                Some(stream) if path == STREAM => follows(stream),
                Some(get) => reads(get, ["/events", "/storage/events"].contains(&path.as_str())),
                None => {}
            }
            for write in [post, patch, delete].into_iter().flatten() {
                writes(write);
            }
        }
    }
}

/// Describes how one shows who one is, and returns what of it a request needs: any, or nothing where the server asks for
/// nothing.
fn secure(components: &mut Components) -> Vec<SecurityRequirement> {
    let about = "A token that `tickety token create` has made";
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build();
    let mut schemes = vec![("token", SecurityScheme::Http(token))];
    let about = [
        "What POST /session gives a page for a token, over TLS; from pages of the server alone where it changes something",
        "The same without TLS",
    ];
    for ((scheme, cookie), about) in ["session", "plain_session"].into_iter().zip(SESSION_COOKIES).zip(about) {
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(cookie, about));
        schemes.push((scheme, SecurityScheme::ApiKey(cookie)));
    }
    let mut needed = vec![SecurityRequirement::default()];
    for (name, scheme) in schemes {
        components.security_schemes.insert(name.to_owned(), RefOr::T(scheme));
        needed.push(SecurityRequirement::new(name, [""; 0]));
    }
    needed
}

fn follows(operation: &mut Operation) {
    let about = "The cursor of the last event that the client has heard of; counts more than `since`";
    parameters(operation).push(header_parameter(&stream::LAST_EVENT_ID, about));
    problems(operation, ALWAYS);
}

fn reads(operation: &mut Operation, may_be_gone: bool) {
    let kept = header_parameter(&header::IF_NONE_MATCH, "Answer 304 if the representation has this tag");
    parameters(operation).push(kept);
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        for (name, about) in [
            (header::ETAG, "The tag of the representation, strong"),
            (header::CACHE_CONTROL, "What may be kept"),
            (header::VARY, "What else the representation depends on"),
        ] {
            response.headers.insert(name.to_string(), RefOr::T(text_header(about)));
        }
    }
    let unchanged = ResponseBuilder::new().description("The representation is as the client has it").build();
    operation.responses.responses.insert("304".to_owned(), unchanged.into());
    problems(operation, ALWAYS);
    problems(operation, if may_be_gone { GONE } else { &[] });
}

fn writes(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let is_about_an_issue = parameters(operation).iter().any(is_issue);
    if is_about_an_issue {
        let about = "Refuse the write unless what is read at this address, or else the issue, has this tag";
        parameters(operation).push(header_parameter(&header::IF_MATCH, about));
    }
    if !["getIssues", "clearCaches", "findUnreadable", "previewBatch", "recallRequest"].contains(&id.as_str()) {
        let key = "What tells the request from others: sent again, it is done once";
        parameters(operation).push(header_parameter_of(&IDEMPOTENCY_KEY, key, key_schema()));
    }
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        let replayed = text_header("`true` where the answer is that of the same request before");
        response.headers.insert(IDEMPOTENCY_REPLAYED.to_string(), RefOr::T(replayed));
    }
    problems(operation, ALWAYS);
    problems(operation, WRITING);
}

fn parameters(operation: &mut Operation) -> &mut Vec<RefOr<Parameter>> {
    operation.parameters.get_or_insert_with(Vec::new)
}

fn is_issue(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name == "issue")
}

/// Describes the key of a request. It may stand in quotation marks, which don't count.
fn key_schema() -> ObjectBuilder {
    let longest = tickety_store::Request::MAX_KEY;
    let text = format!(r"[^\x00-\x1f\x7f]{{1,{longest}}}");
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(longest + 2))
        .pattern(Some(format!("^({text}|\"{text}\")$")))
}

fn header_parameter(name: &HeaderName, about: &str) -> RefOr<Parameter> {
    header_parameter_of(name, about, ObjectBuilder::new().schema_type(Type::String))
}

fn header_parameter_of(name: &HeaderName, about: &str, schema: ObjectBuilder) -> RefOr<Parameter> {
    ParameterBuilder::new()
        .name(name.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .build()
        .into()
}

fn text_header(about: &str) -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(text)).description(Some(about)).build()
}

/// Adds the problems with these statuses, and the id of the request to every answer.
fn problems(operation: &mut Operation, statuses: &[u16]) {
    let responses = &mut operation.responses.responses;
    for &status in statuses {
        responses.insert(status.to_string(), Ref::from_response_name(response_name(status)).into());
    }
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            let id = text_header("What tells the request apart");
            response.headers.insert(X_REQUEST_ID.to_string(), RefOr::T(id));
        }
    }
}

/// Returns what the answer with a status is called in the description.
fn response_name(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    reason.split_whitespace().collect()
}

/// Describes the answer to a request that failed with a status.
fn problem_response(status: u16) -> Response {
    let codes = ErrorCode::ALL.iter().filter(|code| code.http_status() == status).map(|code| code.as_str());
    let problem: RefOr<Schema> = Ref::from_schema_name("Problem").into();
    ResponseBuilder::new()
        .description(format!("A problem: `{}`", codes.collect::<Vec<_>>().join("`, `")))
        .content("application/problem+json", Content::new(Some(problem)))
        .header(X_REQUEST_ID.as_str(), text_header("What tells the request apart"))
        .build()
}
