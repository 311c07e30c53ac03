#include "library/webclient/fhir/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/webclient/testing/scripted_server.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Received;
using testing::Reply;
using testing::ScriptedServer;

Reply bundle(const std::string& fields) {
  return {.headers = {{"Content-Type", "application/fhir+json;charset=UTF-8"}},
          .body = R"({"resourceType":"Bundle","type":"searchset",)" + fields + "}"};
}

Reply page(int number, const std::string& next) {
  const auto link = next.empty() ? std::string() : R"("link":[{"relation":"next","url":")" + next + R"("}],)";
  return bundle(link + R"("entry":[{"resource":{"resourceType":"Patient","id":")" + std::to_string(number) + R"("}}])");
}

Reply outcome(int status, const std::string& text) {
  return {
      .status = status,
      .headers = {{"Content-Type", "application/fhir+json"}},
      .body = R"({"resourceType":"OperationOutcome","issue":[{"severity":"error","diagnostics":")" + text + R"("}]})"};
}

template <class Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::internal, "no error was thrown");
}

// A client of a scripted server, at /fhir.
class Search : public ::testing::Test {
 protected:
  void start(ScriptedServer::Handler handler, FhirOptions options = {}) {
    server = std::make_unique<ScriptedServer>(std::move(handler));
    HttpSettings settings;
    settings.source_url = server->url() + "/fhir";
    settings.retry = {.attempts = 2, .delay = milliseconds(1)};
    http = std::make_unique<HttpClient>(settings);
    client = std::make_unique<FhirClient>(*http, settings.source_url + "/", options);
  }
  const Parameters zip = {{"address-postalcode", "02139"}, {"_count", "50"}};
  std::unique_ptr<ScriptedServer> server;
  std::unique_ptr<HttpClient> http;
  std::unique_ptr<FhirClient> client;
};

TEST_F(Search, AsksUncachedAndStrictly) {
  start([](const Received&) { return bundle(R"("total":1,"entry":[{"resource":{"id":"1"}}])"); });
  const auto found = client->search("Patient", zip);
  EXPECT_EQ(found.entries.size(), 1U);
  EXPECT_EQ(found.total, 1);
  const auto request = server->received().at(0);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/fhir/Patient?address-postalcode=02139&_count=50");
  EXPECT_EQ(request.headers.at("cache-control"), "no-cache");
  EXPECT_EQ(request.headers.at("prefer"), "handling=strict");
  EXPECT_THAT(request.headers.at("accept"), HasSubstr("application/fhir+json"));
  EXPECT_EQ(client->traffic().requests, 1U);
  EXPECT_GT(client->traffic().bytes, 50U);
}

TEST_F(Search, RefusesToAskForEveryone) {
  start([](const Received&) { return bundle(R"("total":1000000)"); });
  for (const auto& parameters : std::vector<Parameters>{{},
                                                        {{"address-postalcode", ""}},
                                                        {{"address-postalcode", " "}},
                                                        {{"", "02139"}},
                                                        {{"address-postalcode", "02139 "}},
                                                        {{"patient", ","}},
                                                        {{"patient", "a,,b"}},
                                                        {{"patient", "a,"}},
                                                        {{"address-postalcode", "02139"}, {"gender", ""}}}) {
    EXPECT_EQ(error_of([&] { client->search("Patient", parameters); }).code(), ErrorCode::invalid_input);
    EXPECT_EQ(
        error_of([&] { client->count("Patient", parameters.empty() ? Parameters{{"a", ""}} : parameters); }).code(),
        ErrorCode::invalid_input);
  }
  EXPECT_EQ(error_of([&] { client->search("", zip); }).code(), ErrorCode::invalid_input);
  EXPECT_EQ(error_of([&] { client->search("Patient/../x", zip); }).code(), ErrorCode::invalid_input);
  EXPECT_TRUE(server->received().empty());
}

TEST_F(Search, PostsWhatIsTooLongForAUrl) {
  start([](const Received&) { return page(1, ""); });
  std::string ids = "id-0";
  for (int i = 1; i < 1000; ++i) ids += ",id-" + std::to_string(i);
  client->search("Observation", {{"patient", ids}, {"_count", "200"}});
  const auto request = server->received().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/fhir/Observation/_search");
  EXPECT_EQ(request.headers.at("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body, "patient=" + ids + "&_count=200");
}

TEST_F(Search, PostsWhatTheServerFindsTooLong) {
  start([](const Received& request) {
    return request.method == "GET" ? Reply{.status = 414, .body = "<html><h1>414</h1></html>"} : page(1, "");
  });
  EXPECT_EQ(client->search("Patient", zip).entries.size(), 1U);
  EXPECT_EQ(server->received().at(1).method, "POST");
}

TEST_F(Search, CountsWithoutTakingEntries) {
  start([](const Received& request) {
    return bundle(request.target.find("02139") != std::string::npos ? R"("total":123)" : R"("id":"x")");
  });
  EXPECT_EQ(client->count("Patient", {{"address-postalcode", "02139"}}), 123);
  EXPECT_EQ(client->count("Patient", {{"address-postalcode", "02140"}}), std::nullopt);
  EXPECT_EQ(server->received().at(0).target, "/fhir/Patient?address-postalcode=02139&_summary=count");
  EXPECT_EQ(server->received().at(0).headers.at("cache-control"), "no-cache");
}

TEST_F(Search, FollowsLinksAsTheyAre) {
  start([&](const Received& request) {
    if (request.target == "/fhir/Patient?address-postalcode=02139&_count=50")
      return page(1, server->url() + "/fhir?_getpages=a%2Fb|c&x=");
    if (request.target == "/fhir?_getpages=a%2Fb|c&x=") return page(2, "?_getpages=3");
    return page(3, "");
  });
  Pager pager(*client, "Patient", zip);
  std::vector<std::string> ids;
  while (auto next = pager.next()) ids.emplace_back(next->entries.at(0).resource);
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(pager.pages(), 3);
  EXPECT_EQ(server->received().at(2).target, "/fhir?_getpages=3");
  EXPECT_EQ(pager.next(), std::nullopt);
}

TEST_F(Search, GoesOnWithALinkOfAnEarlierSearch) {
  start([](const Received&) { return page(7, ""); });
  Pager pager(*client, server->url() + "/fhir?_getpages=x");
  EXPECT_EQ(pager.next()->entries.size(), 1U);
  EXPECT_FALSE(pager.next());
}

TEST_F(Search, NeverLeavesTheOriginOfTheSource) {
  ScriptedServer other([](const Received&) { return page(2, ""); });
  start([&](const Received&) { return page(1, other.url() + "/fhir?_getpages=2"); });
  const auto first = client->search("Patient", zip);
  const auto error = error_of([&] { client->follow(*first.next); });
  EXPECT_EQ(error.code(), ErrorCode::source_refused);
  EXPECT_THAT(error.message(), HasSubstr(other.url()));
  EXPECT_THAT(error.advice(), HasSubstr("WELLHEAD_SOURCE_URL"));
  EXPECT_TRUE(other.received().empty());
}

TEST_F(Search, NoticesPagesInACircle) {
  start([&](const Received& request) {
    if (request.target == "/fhir?page=2") return page(2, "?page=3");
    if (request.target == "/fhir?page=3") return page(3, "?page=2");
    return page(1, "/fhir?page=2");
  });
  Pager pager(*client, "Patient", zip);
  EXPECT_TRUE(pager.next());
  EXPECT_TRUE(pager.next());
  const auto error = error_of([&] { pager.next(); });
  EXPECT_EQ(error.code(), ErrorCode::source_limit);
  EXPECT_THAT(error.message(), HasSubstr("a page that came before"));
}

TEST_F(Search, NoticesAPageThatLinksToItself) {
  start([&](const Received&) { return page(1, "/fhir?page=self"); });
  Pager fresh(*client, "Patient", zip);
  EXPECT_TRUE(fresh.next());
  EXPECT_EQ(error_of([&] { fresh.next(); }).code(), ErrorCode::source_limit);
  Pager resumed(*client, server->url() + "/fhir?page=self");
  EXPECT_EQ(error_of([&] { resumed.next(); }).code(), ErrorCode::source_limit);
}

TEST_F(Search, TakesNoMorePagesThanAllowed) {
  int number = 0;
  start([&](const Received&) { return page(1, "/fhir?page=" + std::to_string(++number)); });
  Pager pager(*client, "Patient", zip, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pager.next());
  EXPECT_EQ(error_of([&] { pager.next(); }).code(), ErrorCode::source_limit);
}

TEST_F(Search, AnExpiredLinkIsToldApart) {
  start([](const Received& request) {
    return outcome(request.target == "/fhir?_getpages=gone" ? 410 : 404,
                   "Search ID does not exist and may have expired");
  });
  for (const auto* link : {"/fhir?_getpages=gone", "/fhir?_getpages=unknown"}) {
    const auto error = error_of([&] { client->follow(server->url() + link); });
    EXPECT_EQ(error.code(), ErrorCode::source_page_expired);
    EXPECT_THAT(error.message(), HasSubstr("may have expired"));
  }
  EXPECT_EQ(error_of([&] { client->search("Patient", zip); }).code(), ErrorCode::source_refused);
}

TEST_F(Search, RefusalsCarryTheServersWords) {
  start([](const Received& request) {
    if (request.target.find("Observation") != std::string::npos) return outcome(403, "no scope for Observation");
    return outcome(400, "Unknown search parameter \\\"zip\\\"");
  });
  const auto refused = error_of([&] { client->search("Patient", {{"zip", "02139"}}); });
  EXPECT_EQ(refused.code(), ErrorCode::source_refused);
  EXPECT_THAT(refused.message(), HasSubstr("400 Bad Request: Unknown search parameter \"zip\""));
  EXPECT_THAT(refused.message(), Not(HasSubstr("02139")));
  const auto forbidden = error_of([&] { client->search("Observation", {{"patient", "1"}}); });
  EXPECT_EQ(forbidden.code(), ErrorCode::source_unauthorized);
  EXPECT_THAT(forbidden.message(), HasSubstr("no scope for Observation"));
  EXPECT_EQ(client->traffic().requests, 2U);
}

TEST_F(Search, ThrottlingIsRepeatedAndThenTold) {
  start([](const Received&) { return outcome(429, "throttled"); });
  const auto error = error_of([&] { client->search("Patient", zip); });
  EXPECT_EQ(error.code(), ErrorCode::source_busy);
  EXPECT_THAT(error.message(), HasSubstr("throttled"));
  EXPECT_EQ(client->traffic().requests, 2U);
  EXPECT_EQ(client->traffic().retries, 1U);
}

TEST_F(Search, HtmlInsteadOfFhirIsTold) {
  start([](const Received&) {
    return Reply{.headers = {{"Content-Type", "text/html"}},
                 .body = "<html><head><title>Sign in</title></head></html>"};
  });
  const auto error = error_of([&] { client->search("Patient", zip); });
  EXPECT_EQ(error.code(), ErrorCode::source_not_fhir);
  EXPECT_THAT(error.message(), HasSubstr("an HTML page titled 'Sign in'"));
}

TEST_F(Search, AnswersWithoutABodyAreNoFhir) {
  start([](const Received& request) {
    return Reply{.status = request.target.find("Patient") != std::string::npos ? 200 : 204};
  });
  EXPECT_EQ(error_of([&] { client->search("Patient", zip); }).code(), ErrorCode::source_not_fhir);
  EXPECT_EQ(error_of([&] { client->search("Observation", {{"patient", "1"}}); }).code(), ErrorCode::source_not_fhir);
}

TEST_F(Search, ABodyCutOffWithTheConnectionCanBeRepeated) {
  start([](const Received&) {
    auto reply = page(1, "");
    reply.framing = Reply::Framing::until_close;
    reply.cut_after = reply.body.size() - 10;
    return reply;
  });
  const auto error = error_of([&] { client->search("Patient", zip); });
  EXPECT_EQ(error.code(), ErrorCode::source_unreachable);
  EXPECT_TRUE(error.retryable());
}

TEST_F(Search, DescribesTheServer) {
  start([](const Received& request) {
    EXPECT_EQ(request.target, "/fhir/metadata");
    return Reply{
        .body =
            R"({"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","software":{"name":"HAPI FHIR Server","version":"8.4.0"}})"};
  });
  EXPECT_EQ(client->describe_server(), "HAPI FHIR Server 8.4.0, FHIR 4.0.1");
}

TEST_F(Search, StopsWhenTold) {
  start([](const Received&) { return page(1, ""); });
  std::stop_source stop;
  stop.request_stop();
  client->set_stop(stop.get_token());
  EXPECT_EQ(error_of([&] { client->search("Patient", zip); }).code(), ErrorCode::cancelled);
  client->set_stop({});
  EXPECT_EQ(client->search("Patient", zip).entries.size(), 1U);
}

}  // namespace
}  // namespace wellhead::webclient
