using System;
using System.Diagnostics;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>A process ends, with messages in flight, without a hang, a crash or a word on stderr.</summary>
    public sealed class ExitTests
    {
        [Test(Seconds = 200)]
        [Case("return", 20)]
        [Case("exit", 5)]
        [Case("handler", 5)]
        public void A_process_ends_with_messages_in_flight(string how, int times)
        {
            using (var broker = new MqttBroker())
            {
                for (var round = 0; round < times; round++)
                {
                    var runtime = Type.GetType("Mono.Runtime") == null ? "run-core" : "run-mono";
                    var start = new ProcessStartInfo(
                        Paths.Of("tools", "dotnet"),
                        runtime + " " + typeof(Program).Assembly.Location + " --child " + how + " " + broker.Url)
                    {
                        UseShellExecute = false,
                        RedirectStandardError = true,
                    };
                    using (var process = Process.Start(start))
                    {
                        var errors = process.StandardError.ReadToEndAsync();
                        if (!process.WaitForExit(60000))
                        {
                            process.Kill();
                            throw new AssertionException("run " + round + " did not end");
                        }
                        Check.Equal("", errors.Result, "what run " + round + " said");
                        Check.Equal(0, process.ExitCode, "the exit code of run " + round);
                    }
                }
            }
        }
    }
}
