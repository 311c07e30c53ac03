// The receipt of a run: what the server said it has, what was received, and what became of every entry.
#pragma once

#include <functional>
#include <string>

#include "library/meta/ids.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/loader.h"
#include "service/zipcode/catalog.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

// How far a count of distinct ids lies outside the range that the server's totals before and after span; 0 when inside
// or when a total is unknown.
std::int64_t outside_totals(std::int64_t distinct, std::optional<std::int64_t> before,
                            std::optional<std::int64_t> after);

// Compares the distinct patients received with the server's totals, after `patients_after` stands in the run's row.
TotalsChecked check_patient_totals(storage::Connection& connection, meta::RunId run);

// Writes the receipts of the run's tables and ends the run by their verdict, in one transaction; doing it again
// gives the same answer. Error{internal} when the sums do not add up: nothing is written then and the run must fail.
LoadOutcome issue_receipt(storage::Connection& connection, const Catalog& catalog, meta::RunId run,
                          const storage::Fence& fence);

}  // namespace wellhead::zipcode
