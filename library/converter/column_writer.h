// A column's value as a CSV field, with the checks of its type.
#pragma once

#include "library/converter/csv_buffer.h"
#include "library/converter/evaluator.h"
#include "library/converter/plan.h"

namespace wellhead::converter {

// Evaluates the column in the scope and appends its field (nothing for NULL) without a comma. `scratch` is for its own
// use. The rule that is broken, or nullptr.
const char* write_column(const Step& column, const Scope& scope, Evaluator& evaluator, CsvBuffer& out,
                         CsvBuffer& scratch);

}  // namespace wellhead::converter
