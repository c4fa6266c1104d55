using System;

namespace MqttLink.TestRunner
{
    /// <summary>Marks a public method without parameters, or with <see cref="CaseAttribute"/>s, as a test.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class TestAttribute : Attribute
    {
        /// <summary>How many seconds the test may take; a test that takes longer has failed.</summary>
        public int Seconds { get; set; } = 30;
    }

    /// <summary>Runs a test once with these arguments. A method may have several.</summary>
    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    public sealed class CaseAttribute : Attribute
    {
        /// <summary>One run with these arguments.</summary>
        public CaseAttribute(params object[] arguments)
        {
            Arguments = arguments;
        }

        /// <summary>The arguments, in order.</summary>
        public object[] Arguments { get; }
    }

    /// <summary>Thrown by a test that cannot be run here; the text says why.</summary>
    public sealed class SkipException : Exception
    {
        /// <summary>Skips the test.</summary>
        public SkipException(string why) : base(why)
        {
        }
    }

    /// <summary>What a test expected did not hold.</summary>
    public sealed class AssertionException : Exception
    {
        /// <summary>Fails the test.</summary>
        public AssertionException(string message) : base(message)
        {
        }
    }
}
