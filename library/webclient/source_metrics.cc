#include "library/webclient/source_metrics.h"

namespace wellhead::webclient {

SourceMetrics& source_metrics() {
  static auto* const metrics = new SourceMetrics;  // threads may count while the process ends
  return *metrics;
}

}  // namespace wellhead::webclient
