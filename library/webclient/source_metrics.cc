#include "library/webclient/source_metrics.h"

namespace wellhead::webclient {

SourceMetrics& source_metrics() {
  static auto* const kMetrics = new SourceMetrics;  // threads may count while the process ends
  return *kMetrics;
}

}  // namespace wellhead::webclient
