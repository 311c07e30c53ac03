#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <set>

#include "app/fhirsim/bundles_test.h"
#include "tests/fixture/fhirsim.h"
#include "tests/fixture/wait.h"

namespace wellhead::fhirsim {
namespace {

using fixture::FhirSim;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::string kSearch = "/fhir/Patient?address-postalcode=02139&_count=4";

class FaultsTest : public testing::Test {
 protected:
  FhirSim::Answer get(std::string_view path, const std::vector<std::string>& headers = {}) {
    return server_.request("GET", path, {}, headers);
  }
  // What curl says about the connection.
  std::string failure(std::string_view path) {
    try {
      get(path);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  std::string first_id() { return get_bundle(server_, kSearch).ids.at(0); }

  FhirSim server_{{"--generate", "10", "--observations", "20"}};
};

TEST_F(FaultsTest, ARuleHitsOnlyWhatMatchesAndOnlySoOften) {
  server_.add_fault(R"({"kind": "server_error", "match": "address-postalcode=02139", "after": 1, "times": 2})");
  EXPECT_EQ(get("/fhir/metadata").status, 200);
  EXPECT_EQ(get(kSearch).status, 200);
  EXPECT_EQ(get(kSearch).status, 503);
  EXPECT_EQ(get(kSearch).status, 503);
  EXPECT_EQ(get(kSearch).status, 200);
  const auto log = server_.request_log();
  ASSERT_THAT(log, SizeIs(5));
  EXPECT_THAT(log[2].faults, ElementsAre("server_error"));
  EXPECT_EQ(log[2].status, 503);
  EXPECT_EQ(log[2].target, kSearch);
  EXPECT_THAT(log[4].faults, IsEmpty());
}

TEST_F(FaultsTest, FormsMatchByTheirBody) {
  server_.add_fault(R"({"kind": "server_error", "match": "patient=here", "method": "POST"})");
  EXPECT_EQ(server_.request("POST", "/fhir/Observation/_search", "patient=here").status, 503);
  EXPECT_EQ(server_.request("POST", "/fhir/Observation/_search", "patient=there").status, 200);
  EXPECT_EQ(get("/fhir/Observation?patient=here").status, 200);
}

TEST_F(FaultsTest, ChanceRepeatsItself) {
  const auto draw = [](FhirSim& server) {
    server.add_fault(R"({"kind": "server_error", "probability": 0.5})");
    std::string statuses;
    for (int turn = 0; turn < 40; ++turn) statuses += std::to_string(server.request("GET", kSearch).status) + ' ';
    return statuses;
  };
  FhirSim again({"--generate", "10"});
  const std::string statuses = draw(server_);
  EXPECT_THAT(statuses, HasSubstr("200"));
  EXPECT_THAT(statuses, HasSubstr("503"));
  EXPECT_EQ(statuses, draw(again));
}

TEST_F(FaultsTest, FaultsOfTheCommandLineAndClearing) {
  FhirSim server({"--generate", "1", "--fault", "server_error,status=500,match=Patient", "--fault",
                  R"({"kind": "html_error", "match": "metadata"})"});
  EXPECT_EQ(server.request("GET", "/fhir/Patient").status, 500);
  const auto html = server.request("GET", "/fhir/metadata");
  EXPECT_EQ(html.status, 502);
  EXPECT_THAT(html.headers.at("content-type"), HasSubstr("text/html"));
  server.clear_faults();
  EXPECT_EQ(server.request("GET", "/fhir/Patient").status, 200);
  server.reset();
  EXPECT_EQ(server.request("GET", "/fhir/Patient").status, 500);
}

TEST_F(FaultsTest, MistakesInARuleAreRefused) {
  EXPECT_THROW(server_.add_fault(R"({"kind": "sunshine"})"), std::runtime_error);
  EXPECT_THROW(server_.add_fault(R"({"kind": "latency", "milliseconds": 5})"), std::runtime_error);
  EXPECT_THROW(server_.add_fault(R"({"kind": "malformed", "what": "ugly"})"), std::runtime_error);
  EXPECT_THROW(server_.add_fault("nonsense"), std::runtime_error);
}

TEST_F(FaultsTest, Latency) {
  server_.add_fault(R"({"kind": "latency", "ms": 120, "times": 1})");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(get(kSearch).status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(120));
}

TEST_F(FaultsTest, HoldsUntilTheRulesAreCleared) {
  server_.add_fault(R"({"kind": "hold", "after": 1})");
  EXPECT_EQ(get(kSearch).status, 200);
  auto held = std::async(std::launch::async, [this] { return get(kSearch).status; });
  fixture::wait_until([this] { return server_.request_log().size() == 2; });
  EXPECT_EQ(held.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  server_.clear_faults();
  EXPECT_EQ(held.get(), 200);
  EXPECT_EQ(get(kSearch).status, 200);
}

TEST_F(FaultsTest, TooManyRequestsWithSecondsOrDate) {
  server_.add_fault(R"({"kind": "too_many_requests", "retry_after": "7", "times": 1})");
  const auto seconds = get(kSearch);
  EXPECT_EQ(seconds.status, 429);
  EXPECT_EQ(seconds.headers.at("retry-after"), "7");
  server_.add_fault(R"({"kind": "too_many_requests", "retry_after": "date+3", "times": 1})");
  EXPECT_THAT(get(kSearch).headers.at("retry-after"), testing::MatchesRegex("..., .. ... .... ..:..:.. GMT"));
  EXPECT_EQ(get(kSearch).status, 200);
}

TEST_F(FaultsTest, RateLimitAnswersWhatFitsIntoASecond) {
  server_.add_fault(R"({"kind": "too_many_requests", "rps": 3})");
  int served = 0;
  int refused = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int turn = 0; turn < 30; ++turn) ++(get("/fhir/metadata").status == 200 ? served : refused);
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_GE(served, 3);
  EXPECT_LE(served, 3 * (static_cast<int>(seconds) + 2));
  EXPECT_EQ(served + refused, 30);
}

TEST_F(FaultsTest, BrokenConnections) {
  server_.add_fault(R"({"kind": "reset", "times": 1})");
  EXPECT_THAT(failure(kSearch), Not(IsEmpty()));
  EXPECT_EQ(server_.request_log().back().status, 0);
  server_.add_fault(R"({"kind": "truncate", "bytes": 100, "times": 1})");
  EXPECT_THAT(failure(kSearch), HasSubstr("partial"));
  server_.add_fault(R"({"kind": "reset_in_body", "times": 1})");
  EXPECT_THAT(failure(kSearch), Not(IsEmpty()));
  EXPECT_EQ(get(kSearch).status, 200);
}

TEST_F(FaultsTest, DripSendsTheWholeBodySlowly) {
  const auto whole = get("/fhir/Patient/" + first_id()).body;
  server_.add_fault(R"({"kind": "drip", "bytes": 500, "ms": 10, "times": 1})");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(get("/fhir/Patient/" + first_id()).body, whole);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(10 * (whole.size() / 500)));
}

TEST_F(FaultsTest, PageLinksExpireAfterUsesForGood) {
  server_.add_fault(R"({"kind": "expire_pages", "uses": 1, "times": 1})");
  const auto first = get_bundle(server_, kSearch);
  EXPECT_EQ(get(first.next).status, 200);
  EXPECT_EQ(get(first.next).status, 410);
  EXPECT_EQ(get(first.next).status, 410);
  EXPECT_THAT(all_ids(server_, kSearch), SizeIs(10));
}

TEST_F(FaultsTest, PageLinksExpireAfterTime) {
  server_.add_fault(R"({"kind": "expire_pages", "ms": 0})");
  EXPECT_EQ(get(get_bundle(server_, kSearch).next).status, 410);
}

TEST_F(FaultsTest, LinksLeadAstray) {
  server_.add_fault(R"({"kind": "self_link", "match": "_getpages", "times": 1})");
  const auto first = get_bundle(server_, kSearch);
  EXPECT_EQ(get_bundle(server_, first.next).next, first.next);
  server_.add_fault(R"({"kind": "foreign_next", "url": "http://elsewhere.example/fhir", "times": 1})");
  EXPECT_THAT(get_bundle(server_, kSearch).next, testing::StartsWith("http://elsewhere.example/fhir?_getpages="));
  server_.add_fault(R"({"kind": "no_next", "times": 1})");
  EXPECT_THAT(get_bundle(server_, kSearch).next, IsEmpty());
  server_.add_fault(R"({"kind": "redirect", "url": "http://elsewhere.example", "times": 1})");
  const auto redirect = get("/fhir/metadata");
  EXPECT_EQ(redirect.status, 307);
  EXPECT_EQ(redirect.headers.at("location"), "http://elsewhere.example/fhir/metadata");
}

TEST_F(FaultsTest, PagesRepeatEntries) {
  server_.add_fault(R"({"kind": "repeat_entries", "count": 2})");
  const auto ids = all_ids(server_, kSearch);
  EXPECT_THAT(ids, SizeIs(14));
  EXPECT_THAT(std::set(ids.begin(), ids.end()), SizeIs(10));
}

TEST_F(FaultsTest, TotalsAreWrong) {
  server_.add_fault(R"({"kind": "wrong_total", "by": -2})");
  EXPECT_EQ(get_bundle(server_, "/fhir/Patient?_summary=count").total, 8);
  EXPECT_EQ(get_bundle(server_, "/fhir/Patient?_count=100").total, 8);
}

TEST_F(FaultsTest, CommaListsLoseObservationsInSilence) {
  server_.add_fault(R"({"kind": "short_list", "above": 2, "fraction": 0.5})");
  const auto patients = all_ids(server_, "/fhir/Patient?_count=100");
  const auto search = [&](int count) {
    std::string list = patients[0];
    for (int place = 1; place < count; ++place) list += "," + patients[place];
    return get_bundle(server_, "/fhir/Observation?_count=1000&patient=" + list);
  };
  EXPECT_THAT(search(2).ids, SizeIs(40));
  const auto shortened = search(4);
  EXPECT_LT(shortened.ids.size(), 80U);
  EXPECT_GT(shortened.ids.size(), 0U);
  EXPECT_EQ(shortened.total, static_cast<std::int64_t>(shortened.ids.size()));
}

TEST_F(FaultsTest, TokensAreRequiredAndRotate) {
  server_.add_fault(R"({"kind": "bearer", "token": "first"})");
  EXPECT_EQ(get(kSearch).status, 401);
  EXPECT_EQ(get(kSearch, {"Authorization: Bearer first"}).status, 200);
  server_.add_fault(R"({"kind": "bearer", "token": "second"})");
  const auto refused = get(kSearch, {"Authorization: Bearer first"});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.at("www-authenticate"), "Bearer");
  EXPECT_EQ(get(kSearch, {"Authorization: Bearer second"}).status, 200);
}

TEST_F(FaultsTest, OversizeAndDeepBodies) {
  const auto usual = get("/fhir/metadata").body.size();
  server_.add_fault(R"({"kind": "oversize", "bytes": 1000000, "times": 1})");
  EXPECT_EQ(get("/fhir/metadata").body.size(), usual + 1'000'000);
  server_.add_fault(R"({"kind": "deep", "depth": 5000, "times": 1})");
  EXPECT_THAT(get(kSearch).body, HasSubstr("[[[["));
  EXPECT_THAT(get(kSearch).body, Not(HasSubstr("[[[[")));
}

// Each kind of damage leaves a mark on the chosen resource and on no other.
struct Damage {
  const char* what;
  const char* search;
  const char* mark;
};

class DamageTest : public FaultsTest, public testing::WithParamInterface<Damage> {};

TEST_P(DamageTest, MarksTheChosenResourceOnly) {
  const auto [what, type, mark] = GetParam();
  const std::string search = fmt::format("/fhir/{}?_count=3", type);
  const std::string whole = get(search).body;
  EXPECT_THAT(whole, Not(HasSubstr(mark)));
  const auto ids = read_bundle(server_, whole).ids;
  server_.add_fault(fmt::format(R"({{"kind": "malformed", "what": "{}", "id": "{}"}})", what, ids[1]));
  const std::string damaged = get(search).body;
  EXPECT_THAT(damaged, HasSubstr(mark));
  EXPECT_EQ(damaged.find(mark), damaged.rfind(mark));
  EXPECT_THAT(server_.request_log().back().faults, ElementsAre("malformed"));
  server_.clear_faults();
  EXPECT_THAT(get(search).body, Not(HasSubstr(mark)));
}

INSTANTIATE_TEST_SUITE_P(Kinds, DamageTest,
                         testing::Values(Damage{"bad_utf8", "Patient", "\"\xff"}, Damage{"nul", "Patient", "\\u0000"},
                                         Damage{"missing_id", "Patient", R"({"resourceType":"Patient","meta")"},
                                         Damage{"wrong_type", "Patient", R"("birthDate":{"wrong":true})"},
                                         Damage{"wrong_resource_type", "Observation", R"("resourceType":"Basic")"},
                                         Damage{"impossible_date", "Observation", "2023-02-30"},
                                         Damage{"wrong_reference", "Observation", "Group/1"}),
                         [](const auto& info) { return info.param.what; });

TEST_F(FaultsTest, TruncatedJsonBreaksThePage) {
  server_.add_fault(R"({"kind": "malformed", "what": "truncated_json", "times": 1})");
  EXPECT_ANY_THROW(get_bundle(server_, kSearch));
  EXPECT_THAT(get_bundle(server_, kSearch).ids, SizeIs(4));
}

TEST_F(FaultsTest, EveryChoosesTheSameResourcesAgain) {
  server_.add_fault(R"({"kind": "malformed", "what": "impossible_date", "every": 4})");
  const auto count = [&] {
    const std::string body = get("/fhir/Observation?_count=200").body;
    int found = 0;
    for (auto place = body.find("2023-02-30"); place != std::string::npos; place = body.find("2023-02-30", place + 1))
      ++found;
    return found;
  };
  const int damaged = count();
  EXPECT_GT(damaged, 20);
  EXPECT_LT(damaged, 90);
  EXPECT_EQ(count(), damaged);
}

TEST_F(FaultsTest, ItComesBackOnTheSamePort) {
  const auto ids = all_ids(server_, kSearch);
  const int port = server_.port();
  server_.stop();
  EXPECT_THAT(failure(kSearch), Not(IsEmpty()));
  server_.start();
  EXPECT_EQ(server_.port(), port);
  EXPECT_EQ(all_ids(server_, kSearch), ids);
}

}  // namespace
}  // namespace wellhead::fhirsim
