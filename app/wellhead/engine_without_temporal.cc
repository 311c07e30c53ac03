#include "app/wellhead/engines.h"
#include "library/meta/error.h"

namespace wellhead::app {

namespace {

[[noreturn]] void refuse() {
  throw meta::Error(meta::ErrorCode::invalid_setting,
                    "WELLHEAD_ENGINE is temporal, and this program was built without it",
                    "Build it with `scripts/packages build temporal`, `cmake -S . -B build/temporal -G Ninja "
                    "-DWELLHEAD_TEMPORAL=ON` and `cmake --build build/temporal`, or use WELLHEAD_ENGINE=embedded");
}

}  // namespace

std::string examine_temporal(const meta::Settings& /*settings*/) { refuse(); }

ChosenEngine engine_on_temporal(const meta::Settings& /*settings*/, const orchestration::Registry& /*registry*/,
                                orchestration::EngineObserver& /*observer*/, const KeepTrying& /*keep_trying*/) {
  refuse();
}

}  // namespace wellhead::app
