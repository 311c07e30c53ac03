// OperationOutcome (https://hl7.org/fhir/R4/operationoutcome.html): what a FHIR server says about a request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "library/webclient/http.h"

namespace wellhead::webclient {

struct Outcome {
  int errors = 0;    // issues of severity error or fatal
  int warnings = 0;  // of severity warning
  std::string text;  // diagnostics, details.text or code of the gravest issue; one line, shortened
};

// nullopt: not an OperationOutcome, or no JSON.
std::optional<Outcome> read_outcome(std::string_view json);

// For HttpRequest::explain: an OperationOutcome's text, else what explain_body says.
std::string explain_outcome(const HttpResponse& response);

}  // namespace wellhead::webclient
