using System;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace MqttLink.TestRunner
{
    internal enum Outcome
    {
        Passed,
        Failed,
        Skipped,
    }

    /// <summary>One method with one set of arguments, and what came of it.</summary>
    internal sealed class TestRun
    {
        private readonly Type type;
        private readonly MethodInfo method;
        private readonly object[] arguments;
        private readonly object gate = new object();
        private bool over;

        internal TestRun(Type type, MethodInfo method, object[] arguments, int seconds)
        {
            this.type = type;
            this.method = method;
            this.arguments = arguments;
            Seconds = seconds;
            var shown = string.Join(", ", arguments.Select(argument => argument?.ToString() ?? "null"));
            Class = type.FullName;
            Name = type.Name + "." + method.Name + (arguments.Length == 0 ? "" : "(" + shown + ")");
        }

        internal string Class { get; }

        internal string Name { get; }

        internal int Seconds { get; }

        internal TimeSpan Elapsed { get; set; }

        internal Outcome Outcome { get; private set; }

        internal string Message { get; private set; }

        internal void Invoke()
        {
            try
            {
                var instance = method.IsStatic ? null : Activator.CreateInstance(type);
                using (instance as IDisposable)
                {
                    var result = method.Invoke(instance, arguments);
                    (result as Task)?.GetAwaiter().GetResult();
                }
                End(Outcome.Passed, null);
            }
            catch (Exception thrown)
            {
                var cause = thrown is TargetInvocationException ? thrown.InnerException : thrown;
                var skip = cause is SkipException;
                End(skip ? Outcome.Skipped : Outcome.Failed, skip ? cause.Message : cause.ToString());
            }
        }

        internal void TimedOut()
        {
            End(Outcome.Failed, "the test took longer than " + Seconds + " s");
        }

        // The first end counts: what a test says after its time is up is not heard.
        private void End(Outcome outcome, string message)
        {
            lock (gate)
            {
                if (over)
                {
                    return;
                }
                over = true;
                Outcome = outcome;
                Message = message;
            }
        }
    }
}
