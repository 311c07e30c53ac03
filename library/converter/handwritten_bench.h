// What a person would write for the built-in observation view by hand: the measure that the converter's speed is held
// against. Part of the benchmark only.
#pragma once

#include <string>
#include <string_view>

namespace wellhead::converter {

// Reads Observation resources with simdjson's On-Demand parser, field by field in the order they come, and writes the
// same columns as service/observation/observation.view.json.
class HandwrittenObservation {
 public:
  HandwrittenObservation();
  ~HandwrittenObservation();
  HandwrittenObservation(const HandwrittenObservation&) = delete;
  HandwrittenObservation& operator=(const HandwrittenObservation&) = delete;

  // Appends the row's columns, without a line end. SIMDJSON_PADDING bytes behind the resource must be readable. False:
  // it is no Observation of a Patient.
  bool convert(std::string_view resource, std::string& out);

 private:
  struct State;
  State* state_;
};

}  // namespace wellhead::converter
