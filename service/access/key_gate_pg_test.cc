#include "service/access/key_gate.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <thread>

#include "library/storage/postgres/migrations.h"
#include "library/webserver/http.h"
#include "service/access/keys.h"
#include "tests/fixture/database.h"
#include "tests/fixture/wait.h"

namespace wellhead::access {
namespace {

using webserver::Verdict;
using Kind = Verdict::Kind;

// Goes on where the gate's thread has come to an end.
class SameThread final : public webserver::Worker {
 public:
  std::size_t index() const override { return 0; }
  void post(std::function<void()> function) override { function(); }
  void post_after(std::chrono::milliseconds /*wait*/, std::function<void()> function) override { function(); }
  bool stopping() const override { return false; }
};

webserver::Detached ask(KeyGate* gate, std::string key, SameThread* worker, std::promise<Kind>* answer) {
  auto checking = gate->check(std::move(key), *worker);
  const Verdict verdict = co_await checking;
  answer->set_value(verdict.kind);
}

class KeyGateTest : public ::testing::Test {
 protected:
  KeyGateTest() : connection_(database_.connect()) {
    storage::migrate(connection_);
    made_ = create_key(connection_, {.role = webserver::Role::read, .name = "", .zip_prefixes = {}, .lifetime = {}});
  }
  Kind check(KeyGate& gate) {
    std::promise<Kind> answer;
    ask(&gate, made_.key, &worker_, &answer);
    return answer.get_future().get();
  }

  fixture::TestDatabase database_;
  storage::Connection connection_;
  SameThread worker_;
  CreatedKey made_;
};

constexpr std::chrono::seconds kTrust{4};

TEST_F(KeyGateTest, LetsNobodyWaitWhoseKeyWasCheckedOnce) {
  KeyGate gate({.database_url = database_.url(), .trust = kTrust});
  gate.start();
  EXPECT_FALSE(gate.known(made_.key));
  // Longer than a check holds. On a busy machine the next one may come too late: then once more.
  fixture::wait_until([&] {
    if (!gate.known(made_.key)) {
      EXPECT_EQ(check(gate), Kind::granted);
    }
    const auto until = std::chrono::steady_clock::now() + kTrust + std::chrono::seconds(1);
    while (std::chrono::steady_clock::now() < until) {
      const auto verdict = gate.known(made_.key);
      if (!verdict || verdict->kind != Kind::granted) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  });
  revoke_key(connection_, made_.description.id);
  fixture::wait_until([&] { return check(gate) == Kind::refused; });
  gate.stop();
}

TEST_F(KeyGateTest, ChecksAgainAKeyThatNobodyUsedMeanwhile) {
  KeyGate gate({.database_url = database_.url(), .trust = kTrust});
  gate.start();
  fixture::wait_until([&] { return check(gate) == Kind::granted; });
  std::this_thread::sleep_for(kTrust);
  const auto verdict = gate.known(made_.key);
  EXPECT_TRUE(!verdict || verdict->kind == Kind::unavailable);
  gate.stop();
}

}  // namespace
}  // namespace wellhead::access
