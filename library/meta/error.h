// The one family of exceptions of Wellhead: everything that aborts an operation is a meta::Error. What is expected to
// happen (a resource that cannot become a row) is a value, never an Error.
//
// An Error reaches a person as: what happened, where, what to do. It never holds a secret or a patient's data; URLs go
// through redacted_url() before they become part of one.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace wellhead::meta {

// Whose fault it is, which decides whether to retry, the HTTP status and the exit code.
enum class ErrorSource {
  input,     // what the user, the client or a view asked for; repeating it cannot help
  external,  // the FHIR server or the blob store; often passes
  system,    // this machine or the database: disk, memory, connection; often passes
  bug,       // an invariant of Wellhead does not hold
};

enum class ErrorCode {
  invalid_input,         // an argument, request or document is malformed
  invalid_setting,       // a setting is unknown, malformed or contradicts another
  invalid_view,          // a ViewDefinition is malformed; the message names view, path and column
  not_found,             // the thing asked for does not exist
  conflict,              // the state of the thing forbids it, e.g. retrying a run that is running
  cancelled,             // the operation was told to stop; it says nothing about what was done before
  source_unreachable,    // no connection, or it broke: does not prove that the server did not act
  source_timeout,        // no answer within the limit
  source_busy,           // 429 or 503: try later, after retry_after() if set
  source_failed,         // another 5xx
  source_refused,        // 400, 405, 410, 422 …: the request itself was refused
  source_unauthorized,   // 401 or 403
  source_tls,            // certificate or handshake
  source_not_fhir,       // the answer is no FHIR: HTML, broken JSON, another resource type
  source_limit,          // an answer is larger, deeper or longer in pages than allowed
  source_page_expired,   // a `next` link is gone (404 or 410); the search can be started again
  database_unreachable,  // no connection, or it broke: a commit under way may or may not have happened
  database_refused,      // permission, missing object, SQL error
  database_conflict,     // 40001, 40P01 or 23505: the transaction can be repeated
  database_version,      // server too old, or schema newer than this binary
  blob_store_failed,     // read or write failed; a full disk is this, with the store's path
  blob_missing,          // a blob that was staged is gone
  blob_corrupt,          // a blob's content does not match its digest
  activity_timeout,      // an attempt of a workflow's step took longer than allowed; it may still be under way
  journal_damaged,       // an event of a workflow's journal is not as it was written
  lease_lost,            // another process owns the engine now; nothing was written
  engine_unreachable,    // the Temporal server does not answer: what was asked of it may or may not have happened
  engine_refused,        // the Temporal server does not let us: permission, namespace, a request it does not know
  nondeterminism,        // a workflow's replay differs from its journal
  internal,              // a broken invariant
};

std::string_view to_string(ErrorCode code);
std::string_view to_string(ErrorSource source);
std::optional<ErrorCode> error_code_from_string(std::string_view text);

class Error : public std::runtime_error {
 public:
  // message: what happened and where, one line. advice: what to do, one line or empty.
  Error(ErrorCode code, std::string message, std::string advice = {});

  ErrorCode code() const { return code_; }
  ErrorSource source() const;
  const std::string& message() const { return message_; }
  const std::string& advice() const { return advice_; }

  // Whether the same operation may succeed when repeated. By default decided by code; no_retry() overrules it.
  bool retryable() const;
  Error& no_retry();

  // How long the other side asked to wait (Retry-After, RFC 9110 §10.2.3).
  std::optional<std::chrono::milliseconds> retry_after() const { return retry_after_; }
  Error& set_retry_after(std::chrono::milliseconds wait);

  // The HTTP status that the API answers with.
  int http_status() const;

 private:
  ErrorCode code_;
  std::string message_;
  std::string advice_;
  bool no_retry_ = false;
  std::optional<std::chrono::milliseconds> retry_after_;
};

// URL without user info and without the values of query parameters, which may name people.
std::string redacted_url(std::string_view url);

}  // namespace wellhead::meta
