#include "app/wellhead/testing/test_engine.h"
#include "tests/fixture/temporal_server.h"

namespace wellhead::app::testing {

struct TestEngine::Server {
  fixture::TemporalServer temporal;
};

TestEngine::TestEngine() : server_(std::make_unique<Server>()) {
  settings_ = {{"WELLHEAD_ENGINE", "temporal"},
               {"TEMPORAL_ADDRESS", server_->temporal.address()},
               {"WELLHEAD_LEASE_DURATION", "3s"}};
}

TestEngine::~TestEngine() = default;

}  // namespace wellhead::app::testing
