// Errors as the API answers them: application/problem+json (RFC 9457).
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/meta/error.h"
#include "library/webserver/arguments.h"
#include "library/webserver/http.h"

namespace wellhead::webserver {

struct Problem {
  int status = 500;
  std::string code;    // becomes the type: urn:wellhead:problem:CODE
  std::string detail;  // what happened and what to do, without values of patients
  std::vector<FieldError> errors;
};

// Thrown by a handler: an argument that only it can tell to be wrong. Becomes 400 naming the field.
class InvalidArgument : public meta::Error {
 public:
  explicit InvalidArgument(FieldError field)
      : Error(meta::ErrorCode::invalid_input, field.field + " " + field.message), field_(std::move(field)) {}
  const FieldError& field() const { return field_; }

 private:
  FieldError field_;
};

std::string_view status_text(int status);

Response to_response(const Problem& problem, std::string_view request_id);
// An Error by its code, with Retry-After where it can pass; anything else as 500 without its text.
Response to_response(std::exception_ptr error, std::string_view request_id);

// The JSON Schema of the body, named Problem in every OpenAPI document.
std::string_view problem_schema();

}  // namespace wellhead::webserver
