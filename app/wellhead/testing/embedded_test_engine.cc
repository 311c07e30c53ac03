#include "app/wellhead/testing/test_engine.h"

namespace wellhead::app::testing {

struct TestEngine::Server {};

TestEngine::TestEngine() = default;

TestEngine::~TestEngine() = default;

}  // namespace wellhead::app::testing
