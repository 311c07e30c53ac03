// What is counted of the sources, for /metrics. A source appears by its URL without user info, in the gauge of its
// circuit only.
#pragma once

#include "library/meta/metrics.h"

namespace wellhead::webclient {

struct SourceMetrics {
  meta::CounterFamily requests{
      "wellhead_source_requests_total", "Requests to sources by class of status; none: no answer came.", {"status"}};
  meta::HistogramFamily seconds{"wellhead_source_request_seconds",
                                "From a request to a source to the end of its answer, or to its failure.",
                                {"method"},
                                {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}};
  meta::CounterFamily retries{"wellhead_source_retries_total", "Requests to sources that repeated another one."};
  meta::CounterFamily bytes{"wellhead_source_received_bytes_total",
                            "Bytes of bodies received from sources, as they came (compressed)."};
  meta::HistogramFamily waits{
      "wellhead_source_budget_wait_seconds",
      "How long requests waited for leave, those that had to: for the request rate or Retry-After (budget), or for "
      "the circuit.",
      {"reason"},
      {0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}};
  meta::GaugeFamily circuit_open{"wellhead_source_circuit_open",
                                 "1 while this process leaves a source alone because it keeps failing.",
                                 {"source"}};
  meta::CounterFamily circuit_openings{"wellhead_source_circuit_openings_total",
                                       "How often this process opened the circuit of a source."};
};

SourceMetrics& source_metrics();

}  // namespace wellhead::webclient
