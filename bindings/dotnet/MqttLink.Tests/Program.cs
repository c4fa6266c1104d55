using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>Runs the tests of this assembly.</summary>
    public static class Program
    {
        /// <summary>See <see cref="Runner"/> for the arguments.</summary>
        public static int Main(string[] arguments)
        {
            if (arguments.Length == 3 && arguments[0] == "--child")
            {
                return Child.Run(arguments[1], arguments[2]);
            }
            return Runner.Run(typeof(Program).Assembly, arguments);
        }
    }
}
